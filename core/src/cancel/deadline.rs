//! The timer of a token's own deadline.

use std::panic::Location;
use std::sync::{Arc, Weak};

use super::node::Node;
use super::reason::Reason;
use crate::prim::{AtomicBool, Ordering};
use crate::sched::alarms::{self, Alarm, Place};
use crate::sched::clock::Nanos;
use crate::sched::shared::Shared;
use crate::spawn::spawn_due;

pub(super) struct Deadline(Arc<Fuse>);

struct Fuse {
    place: Place,
    site: &'static Location<'static>,
    node: Weak<Node>,
    /// Until it has cancelled, or never will: longer than the timer stands in its table.
    is_lit: AtomicBool,
}

impl Deadline {
    /// Cancels `node` at that time.
    #[track_caller]
    pub(super) fn set(node: &Arc<Node>, at: Nanos) -> Deadline {
        let fuse = Arc::new(Fuse {
            place: Place::here(),
            site: Location::caller(),
            node: Arc::downgrade(node),
            is_lit: AtomicBool::new(true),
        });
        let alarm: Arc<dyn Alarm> = fuse.clone();
        if alarms::set(&alarm, at).is_err() {
            // Without a runtime it is found when somebody asks.
            fuse.is_lit.store(false, Ordering::Relaxed);
        }
        Deadline(fuse)
    }

    pub(super) fn stop(&self) {
        alarms::stop(&*self.0);
        self.0.is_lit.store(false, Ordering::Relaxed);
    }

    /// Whether it will still cancel.
    pub(super) fn is_lit(&self) -> bool {
        self.0.is_lit.load(Ordering::Relaxed)
    }
}

impl Fuse {
    /// It has cancelled, or never will.
    fn go_out(&self) {
        self.is_lit.store(false, Ordering::Relaxed);
        if let Some(node) = self.node.upgrade() {
            Node::lose_deadline(&node);
        }
    }
}

impl Alarm for Fuse {
    fn place(&self) -> &Place {
        &self.place
    }

    fn fire(self: Arc<Self>, runtime: &Arc<Shared>) {
        /// Also if the routine is dropped before it starts.
        struct Burning(Arc<Fuse>);
        impl Drop for Burning {
            fn drop(&mut self) {
                self.0.go_out();
            }
        }
        let (site, burning) = (self.site, Burning(self));
        // In a routine, for it runs the calls of users.
        spawn_due(runtime, site, move || {
            let Burning(fuse) = &burning;
            if let Some(node) = fuse.node.upgrade() {
                Node::cancel(&node, &Reason::DEADLINE);
            }
        });
    }

    fn abandon(self: Arc<Self>) {
        self.go_out();
    }
}
