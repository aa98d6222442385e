//! The sending end.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::chan::Chan;
use super::error::{SendError, SendTimeoutError, TrySendError};
use super::future::SendFuture;
use crate::sched::clock;
use crate::wait::instant::Instant;

/// The sending end of a channel; clones send into the same one.
///
/// # Go
/// `chan<- T`.
pub struct Sender<T> {
    pub(super) chan: Arc<Chan<T>>,
}

impl<T> Sender<T> {
    #[inline]
    pub(crate) fn chan(&self) -> &Chan<T> {
        &self.chan
    }

    /// Sends `value`: to a receiver that waits, or into the buffer.
    ///
    /// **Blocks** the calling routine while the buffer is full (always, if the capacity is zero and
    /// nobody receives); on a plain thread, the thread.
    ///
    /// # Errors
    /// [`SendError`] with the value if the channel is closed or every receiver is gone.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it would block.
    ///
    /// # Go
    /// `ch <- value`, which panics if the channel is closed.
    // Always: its frame would lie below every routine that waits here.
    #[inline(always)]
    #[track_caller]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.chan.send(value)
    }

    /// Sends `value` if that needs no wait.
    ///
    /// A call that finds no room orders nothing; see [`Receiver::try_recv`](super::Receiver::try_recv).
    ///
    /// **Blocks**: never.
    ///
    /// # Errors
    /// `Full` with the value if there is no room - without a buffer: if nobody waits for a value -, or if the
    /// room belongs to those who waited before; `Disconnected` if the channel is closed or every receiver is gone.
    ///
    /// # Go
    /// `select { case ch <- value: default: }`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::channel::{self, TrySendError};
    ///
    /// let (tx, _rx) = channel::bounded(1);
    /// assert_eq!(tx.try_send(1), Ok(()));
    /// assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
    /// ```
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.chan.try_send(value)
    }

    /// Sends `value`, if there is room within `timeout`.
    ///
    /// **Blocks** as [`send`](Sender::send), for at most `timeout`.
    ///
    /// # Errors
    /// `Timeout` or `Disconnected`, with the value.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it would block.
    ///
    /// # Go
    /// `select { case ch <- value: case <-time.After(timeout): }`.
    #[track_caller]
    pub fn send_timeout(&self, value: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        self.chan.send_until(value, clock::deadline(timeout))
    }

    /// Sends `value`, if there is room before `deadline`.
    ///
    /// **Blocks** as [`send`](Sender::send), until `deadline` at most.
    ///
    /// # Errors
    /// `Timeout` or `Disconnected`, with the value.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it would block.
    ///
    /// # Go
    /// As [`send_timeout`](Sender::send_timeout).
    #[track_caller]
    pub fn send_deadline(&self, value: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.chan.send_until(value, deadline.nanos())
    }

    /// Sends `value` from a task of any executor.
    ///
    /// Cancel-safe: dropped before it is ready, it has not sent anything, and `value` is dropped. (Without
    /// a buffer, a receiver may have taken the value by then.)
    ///
    /// **Blocks**: never; the future waits.
    ///
    /// # Errors
    /// [`SendError`] with the value if the channel is closed or every receiver is gone.
    #[inline]
    pub fn send_async(&self, value: T) -> SendFuture<'_, T> {
        SendFuture::new(&self.chan, value)
    }

    /// Closes the channel for all its ends: nothing can be sent any more, what is queued can be received.
    /// `false` if it was closed before.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `close(ch)`, which panics the second time.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::channel::{self, RecvError};
    ///
    /// let (tx, rx) = channel::bounded(1);
    /// tx.send(1).unwrap();
    /// assert!(tx.close());
    /// assert!(tx.send(2).is_err());
    /// assert_eq!((rx.recv(), rx.recv()), (Ok(1), Err(RecvError)));
    /// ```
    pub fn close(&self) -> bool {
        self.chan.close()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        Chan::<T>::count(&self.chan.senders);
        Sender {
            chan: self.chan.clone(),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if Chan::<T>::count_out(&self.chan.senders) {
            self.chan.close();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender { .. }")
    }
}
