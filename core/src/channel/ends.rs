//! What both ends can tell of their channel.

use super::chan::Chan;
use super::receiver::Receiver;
use super::sender::Sender;

impl<T> Chan<T> {
    fn len(&self) -> usize {
        self.ask(|state| state.buffer.len())
    }
}

macro_rules! tell {
    ($end:ident) => {
        impl<T> $end<T> {
            /// How many values are queued; a snapshot.
            ///
            /// # Go
            /// `len(ch)`.
            pub fn len(&self) -> usize {
                self.chan.len()
            }

            /// Whether nothing is queued; a snapshot.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Whether there is no room for another value; a snapshot. Without a buffer there never is.
            pub fn is_full(&self) -> bool {
                self.len() >= self.chan.capacity
            }

            /// How many values can be queued; `None`: any number.
            ///
            /// # Go
            /// `cap(ch)`.
            pub fn capacity(&self) -> Option<usize> {
                (self.chan.capacity < usize::MAX).then_some(self.chan.capacity)
            }

            /// The largest number of values that were ever queued at once.
            pub fn most_queued(&self) -> usize {
                self.chan.ask(|state| state.most)
            }

            /// Whether nothing can be sent any more: closed, or without receivers or senders.
            pub fn is_closed(&self) -> bool {
                !self.chan.ask(|state| state.open)
            }

            /// Whether both are ends of the same channel.
            ///
            /// # Go
            /// `a == b`.
            pub fn same_channel(&self, other: &Self) -> bool {
                std::sync::Arc::ptr_eq(&self.chan, &other.chan)
            }
        }
    };
}

tell!(Sender);
tell!(Receiver);
