//! L1: the queues and cells that routines pass through; generic and free of the runtime's types,
//! so that loom can run them as they are.

pub(crate) mod bell;
pub(crate) mod claim;
pub(crate) mod event;
pub(crate) mod gate;
pub(crate) mod heartbeat;
pub(crate) mod hint;
pub(crate) mod inbox;
pub(crate) mod list;
pub(crate) mod locks;
pub(crate) mod post;
pub(crate) mod reach;
pub(crate) mod slots;
pub(crate) mod table;
pub(crate) mod tally;

use crate::prim::AtomicPtr;

/// A node that can stand in one intrusive queue at a time.
///
/// Whoever holds the node's `Ready` evidence owns the link; it passes on with the node.
pub(crate) trait Linked: Sized {
    fn link(&self) -> &AtomicPtr<Self>;
}
