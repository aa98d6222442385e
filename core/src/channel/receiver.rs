//! The receiving end, and its iterators.

use std::fmt;
use std::iter::FusedIterator;
use std::sync::Arc;
use std::time::Duration;

use super::chan::Chan;
use super::error::{RecvError, RecvTimeoutError, TryRecvError};
use super::future::RecvFuture;
use crate::sched::clock;
use crate::wait::instant::Instant;

/// The receiving end of a channel; each value goes to one of its clones.
///
/// # Go
/// `<-chan T`.
pub struct Receiver<T> {
    pub(super) chan: Arc<Chan<T>>,
}

impl<T> Receiver<T> {
    /// Receives the next value.
    ///
    /// **Blocks** the calling routine while there is none; on a plain thread, the thread.
    ///
    /// # Errors
    /// [`RecvError`] if the channel is empty, and closed or without senders.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it would block.
    ///
    /// # Go
    /// `v, ok := <-ch`.
    // Always: its frame would lie below every routine that waits here.
    #[inline(always)]
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.chan.recv()
    }

    /// Receives a value if that needs no wait.
    ///
    /// A call that finds nothing takes no lock, and orders nothing: a flag set before it, which a sender looks
    /// at after its send, has to be `SeqCst`.
    ///
    /// **Blocks**: never.
    ///
    /// # Errors
    /// `Empty` if there is none - without a buffer: if nobody waits to send -, or if what there is belongs to
    /// those who waited before; `Disconnected` if the channel is empty, and closed or without senders.
    ///
    /// # Go
    /// `select { case v, ok := <-ch: default: }`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::channel::{self, TryRecvError};
    ///
    /// let (tx, rx) = channel::bounded(1);
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    /// tx.send(1).unwrap();
    /// assert_eq!(rx.try_recv(), Ok(1));
    /// ```
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.chan.try_recv()
    }

    /// Receives the next value, if one comes within `timeout`.
    ///
    /// **Blocks** as [`recv`](Receiver::recv), for at most `timeout`.
    ///
    /// # Errors
    /// `Timeout` if there was none in time, `Disconnected` if the channel is empty, and closed or
    /// without senders.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it would block.
    ///
    /// # Go
    /// `select { case v := <-ch: ... case <-time.After(timeout): ... }`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::channel::{self, RecvTimeoutError};
    /// use rust_routines::time::Duration;
    ///
    /// let (tx, rx) = channel::bounded::<u32>(1);
    /// assert_eq!(rx.recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
    /// drop(tx);
    /// assert_eq!(rx.recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Disconnected));
    /// ```
    #[track_caller]
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.chan.recv_until(clock::deadline(timeout))
    }

    /// Receives the next value, if one comes before `deadline`.
    ///
    /// **Blocks** as [`recv`](Receiver::recv), until `deadline` at most.
    ///
    /// # Errors
    /// As [`recv_timeout`](Receiver::recv_timeout).
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it would block.
    ///
    /// # Go
    /// As [`recv_timeout`](Receiver::recv_timeout).
    #[track_caller]
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.chan.recv_until(deadline.nanos())
    }

    /// Receives the next value in a task of any executor.
    ///
    /// Cancel-safe: dropped before it is ready, it has not received anything.
    ///
    /// A future that waits first in line is told of a value, and those behind it wait until it takes it or is
    /// dropped: one that is kept and no longer polled holds them up. A newcomer may take the value before it
    /// comes; then it stands first again.
    ///
    /// **Blocks**: never; the future waits.
    ///
    /// # Errors
    /// [`RecvError`] if the channel is empty, and closed or without senders.
    #[inline]
    pub fn recv_async(&self) -> RecvFuture<'_, T> {
        RecvFuture::new(&self.chan)
    }

    /// Closes the channel for all its ends; see [`Sender::close`](super::Sender::close).
    pub fn close(&self) -> bool {
        self.chan.close()
    }

    /// The values, one after the other, until the channel is empty, and closed or without senders.
    ///
    /// **Blocks** as [`recv`](Receiver::recv).
    ///
    /// # Go
    /// `for v := range ch`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::{channel, routine};
    ///
    /// let (tx, rx) = channel::bounded(2);
    /// routine::spawn(move || (1..=4).for_each(|i| tx.send(i).unwrap()));
    /// assert_eq!(rx.iter().sum::<i32>(), 10);
    /// ```
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { receiver: self }
    }

    /// The values that are there without a wait.
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { receiver: self }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        Chan::<T>::count(&self.chan.receivers);
        Receiver {
            chan: self.chan.clone(),
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if Chan::<T>::count_out(&self.chan.receivers) {
            self.chan.close_and_discard();
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiver { .. }")
    }
}

/// Receives until there is nothing to come; see [`Receiver::iter`].
#[derive(Debug)]
pub struct Iter<'a, T> {
    receiver: &'a Receiver<T>,
}

/// Receives what is there; see [`Receiver::try_iter`].
#[derive(Debug)]
pub struct TryIter<'a, T> {
    receiver: &'a Receiver<T>,
}

/// Receives until there is nothing to come, and owns the receiver.
#[derive(Debug)]
pub struct IntoIter<T> {
    receiver: Receiver<T>,
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    #[inline]
    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.receiver.recv().ok()
    }
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    #[inline]
    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.receiver.try_recv().ok()
    }
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    #[inline]
    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.receiver.recv().ok()
    }
}

impl<T> FusedIterator for Iter<'_, T> {}
impl<T> FusedIterator for IntoIter<T> {}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { receiver: self }
    }
}
