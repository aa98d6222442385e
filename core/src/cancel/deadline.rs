//! The timer of a token's own deadline.

use std::panic::Location;
use std::sync::{Arc, Weak};

use super::node::Node;
use super::reason::Reason;
use crate::sched::alarms::{self, Alarm, Place};
use crate::sched::clock::Nanos;
use crate::sched::shared::Shared;
use crate::spawn::spawn_due;

pub(super) struct Deadline(Arc<dyn Alarm>);

struct Fuse {
    place: Place,
    site: &'static Location<'static>,
    node: Weak<Node>,
}

impl Deadline {
    /// Cancels `node` at that time.
    #[track_caller]
    pub(super) fn set(node: &Arc<Node>, at: Nanos) -> Deadline {
        let fuse: Arc<dyn Alarm> = Arc::new(Fuse {
            place: Place::here(),
            site: Location::caller(),
            node: Arc::downgrade(node),
        });
        // Without a runtime it is found when somebody asks.
        let _was_set = alarms::set(&fuse, at);
        Deadline(fuse)
    }

    pub(super) fn stop(&self) {
        alarms::stop(&*self.0);
    }

    pub(super) fn is_set(&self) -> bool {
        alarms::is_set(&*self.0)
    }
}

impl Alarm for Fuse {
    fn place(&self) -> &Place {
        &self.place
    }

    fn fire(self: Arc<Self>, runtime: &Arc<Shared>) {
        // In a routine, for it runs the calls of users.
        spawn_due(runtime, self.site, move || {
            if let Some(node) = self.node.upgrade() {
                Node::cancel(&node, &Reason::DEADLINE);
            }
        });
    }

    fn abandon(self: Arc<Self>) {
        if let Some(node) = self.node.upgrade() {
            Node::lose_deadline(&node);
        }
    }
}
