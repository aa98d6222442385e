//! Whom to wake when the lock of an object has been released: mostly nobody or one.

use super::list::ClaimedList;
use super::waiter::Claimed;

/// Whom to wake when the lock has been released.
#[must_use]
pub(crate) struct Wakes {
    first: Option<Claimed>,
    others: ClaimedList,
}

impl Wakes {
    pub(crate) const NONE: Wakes = Wakes {
        first: None,
        others: ClaimedList::new(),
    };

    #[inline]
    pub(crate) fn one(claimed: Claimed) -> Wakes {
        Wakes {
            first: Some(claimed),
            others: ClaimedList::new(),
        }
    }

    #[inline]
    pub(crate) fn add(&mut self, claimed: Claimed) {
        if self.first.is_none() {
            self.first = Some(claimed);
        } else {
            self.others.push(claimed);
        }
    }

    /// All of both.
    #[inline]
    pub(crate) fn join(&mut self, more: Wakes) {
        if let Some(claimed) = more.first {
            self.add(claimed);
        }
        for claimed in more.others {
            self.add(claimed);
        }
    }

    #[inline(always)]
    pub(crate) fn wake(self) {
        if let Some(claimed) = self.first {
            claimed.wake();
        }
        if !self.others.is_empty() {
            self.others.wake();
        }
    }
}
