//! Making channels.

use std::fmt;

use super::buffer::Buffer;
use super::chan::Chan;
use super::receiver::Receiver;
use super::sender::Sender;
use crate::sched::forbid;

/// A channel with room for `capacity` values; with none, each send waits for its receiver.
///
/// # Go
/// `make(chan T, capacity)`.
///
/// # Examples
/// ```
/// use rust_routines::{channel, routine};
///
/// let (tx, rx) = channel::bounded(10);
/// routine::spawn(move || tx.send(42).unwrap());
/// assert_eq!(rx.recv(), Ok(42));
/// assert!(rx.recv().is_err(), "the sender is gone");
/// ```
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    Builder::new().bounded(capacity)
}

/// A channel whose sends never wait, and whose memory has no bound; prefer [`bounded`], which makes a
/// sender that is too fast wait. [`Builder::high_water`] tells when it runs full.
///
/// Memory is given back as it drains.
///
/// # Go
/// No counterpart.
///
/// # Examples
/// ```
/// use rust_routines::channel;
///
/// let (tx, rx) = channel::unbounded();
/// for i in 0..3 {
///     tx.send(i).unwrap();
/// }
/// assert_eq!(rx.recv(), Ok(0));
/// ```
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    Builder::new().unbounded()
}

/// A receiver that never receives anything, and never disconnects (`close` does nothing): an arm of a select that is off.
///
/// # Go
/// A nil channel.
///
/// # Examples
/// ```
/// use rust_routines::channel::{self, TryRecvError};
///
/// let rx = channel::never::<u32>();
/// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
/// ```
pub fn never<T>() -> Receiver<T> {
    Receiver {
        chan: Chan::eternal(),
    }
}

/// Makes channels that tell when they run full.
///
/// # Go
/// No counterpart.
///
/// # Examples
/// ```
/// use rust_routines::channel;
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// static SEEN: AtomicUsize = AtomicUsize::new(0);
/// let (tx, rx) = channel::Builder::new()
///     .high_water(100, |queued| SEEN.store(queued, Ordering::Relaxed))
///     .unbounded();
/// (0..100).for_each(|i| tx.send(i).unwrap());
/// assert_eq!(SEEN.load(Ordering::Relaxed), 100);
/// assert_eq!(rx.most_queued(), 100);
/// ```
#[derive(Debug, Default)]
#[must_use = "a Builder does nothing until it makes a channel"]
pub struct Builder {
    alert: Option<Box<Alert>>,
}

/// Tells when a channel runs full.
pub(super) struct Alert {
    mark: usize,
    callback: Box<dyn Fn(usize) + Send + Sync>,
}

impl Builder {
    /// Makes ordinary channels.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Calls `callback` with the number of queued values when a send makes it `mark` or more; again only
    /// after there have been half as many.
    ///
    /// The callback runs where the value was sent, after that, and without any lock of the channel. It must
    /// not park; a panic in it goes through the sender, whose value is in the channel by then.
    pub fn high_water(
        mut self,
        mark: usize,
        callback: impl Fn(usize) + Send + Sync + 'static,
    ) -> Builder {
        self.alert = Some(Box::new(Alert {
            mark: mark.max(1),
            callback: Box::new(callback),
        }));
        self
    }

    /// As [`bounded`](fn@bounded).
    pub fn bounded<T>(self, capacity: usize) -> (Sender<T>, Receiver<T>) {
        self.make(Buffer::bounded(capacity))
    }

    /// As [`unbounded`](fn@unbounded).
    pub fn unbounded<T>(self) -> (Sender<T>, Receiver<T>) {
        self.make(Buffer::unbounded())
    }

    fn make<T>(self, buffer: Buffer<T>) -> (Sender<T>, Receiver<T>) {
        let chan = Chan::new(buffer, self.alert);
        (Sender { chan: chan.clone() }, Receiver { chan })
    }
}

impl Alert {
    pub(super) fn mark(&self) -> usize {
        self.mark
    }

    /// Without any lock of the channel.
    pub(super) fn tell(&self, queued: usize) {
        forbid::around(|| (self.callback)(queued));
    }
}

impl fmt::Debug for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alert").field("mark", &self.mark).finish()
    }
}
