//! What a look at a channel would find: questions that change nothing.

use super::state::State;
use crate::wait::token::Token;

/// Hints: a value might be received, or the end be told.
pub(crate) const RECEIVABLE: u32 = 1;
/// A value might be sent, or be refused for good.
pub(crate) const SENDABLE: u32 = 2;
/// Closed and empty, which it stays.
pub(crate) const OVER: u32 = 4;

impl<T> State<T> {
    /// What a look would find; `offer` says `Full` where `SENDABLE` is missing, and `grab` `Empty` where
    /// `RECEIVABLE` is, and neither wakes anybody then.
    #[inline(always)]
    pub(crate) fn hints(&self) -> u32 {
        let is_empty = self.buffer.is_empty();
        if !self.open {
            return RECEIVABLE | SENDABLE | if is_empty { OVER } else { 0 };
        }
        let is_empty = is_empty && self.sending.is_empty();
        let is_full = !self.buffer.has_room() && self.receiving.is_empty();
        (if is_empty { 0 } else { RECEIVABLE }) | if is_full { 0 } else { SENDABLE }
    }

    /// For a select that is about to stand in the queue: whether `offer` would do something now.
    pub(crate) fn could_send(&self, token: &Token) -> bool {
        if !self.open {
            return true;
        }
        if self.is_rendezvous() {
            return self.receiving.is_blocked_first(token);
        }
        self.sending.is_empty() && (self.buffer.has_room() || self.receiving.has_other(token))
            || !self.sending.is_empty() && self.buffer.has_room()
    }

    /// As [`could_send`](State::could_send), for `grab`.
    pub(crate) fn could_receive(&self, token: &Token) -> bool {
        if !self.open {
            return true;
        }
        if self.is_rendezvous() {
            return self.sending.has_other(token);
        }
        self.receiving.is_empty() && (!self.buffer.is_empty() || !self.sending.is_empty())
    }
}
