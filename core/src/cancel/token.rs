//! The token itself.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::cancelled::{Cancelled, wait};
use super::deadline::Deadline;
use super::node::Node;
use super::reason::Reason;
use crate::sched::clock::{self, Nanos};
use crate::wait::instant::Instant;

/// A request to stop that is passed down a tree of work.
///
/// Clones are the same token. A [child](CancelToken::child) is cancelled with its parent, and not the other way
/// round. A token interrupts nobody: who has one looks at it ([`is_cancelled`](CancelToken::is_cancelled),
/// [`check`](CancelToken::check)), waits for it ([`wait`](CancelToken::wait), or as an arm of a
/// [`select!`](crate::select!)), or lets it do something ([`on_cancel`](CancelToken::on_cancel)), such as aborting a
/// routine.
///
/// A token that was dropped, with all its clones and children, is forgotten by its parent, unless it is to
/// [do something](CancelToken::on_cancel).
///
/// # Go
/// `context.Context` with its `cancel`; [`child`](CancelToken::child) is `context.WithCancel`.
///
/// # Examples
/// ```
/// use rust_routines::{cancel::CancelToken, channel, routine, select};
///
/// let token = CancelToken::new();
/// let (_tx, jobs) = channel::bounded::<u32>(1);
/// let child = token.child();
/// let worker = routine::spawn(move || {
///     select! {
///         job = jobs.recv() => format!("{job:?}"),
///         reason = child.cancelled() => reason.to_string(),
///     }
/// });
/// token.cancel();
/// assert_eq!(worker.join().unwrap(), "cancelled");
/// ```
pub struct CancelToken {
    /// One of its holders.
    node: Arc<Node>,
}

impl CancelToken {
    /// A root that nobody has cancelled.
    ///
    /// # Go
    /// `context.WithCancel(context.Background())`.
    pub fn new() -> CancelToken {
        CancelToken {
            node: Node::root(Nanos::MAX),
        }
    }

    /// A token that is cancelled with this one.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `context.WithCancel(parent)`.
    #[must_use = "a token that is dropped is forgotten"]
    pub fn child(&self) -> CancelToken {
        CancelToken {
            node: Node::child(&self.node, Nanos::MAX),
        }
    }

    /// A token that is cancelled with this one, and when `duration` has passed.
    ///
    /// **Blocks**: never.
    ///
    /// # Panics
    /// As [`time::after_func`](crate::time::after_func).
    ///
    /// # Go
    /// `context.WithTimeout(parent, duration)`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::{cancel::CancelToken, time::Duration};
    ///
    /// let request = CancelToken::new().child_timeout(Duration::from_millis(1));
    /// assert!(request.wait().is_deadline());
    /// ```
    #[track_caller]
    #[must_use = "a token that is dropped is forgotten"]
    pub fn child_timeout(&self, duration: Duration) -> CancelToken {
        self.child_at(clock::deadline(duration))
    }

    /// As [`child_timeout`](CancelToken::child_timeout), for a moment.
    ///
    /// # Panics
    /// As there.
    ///
    /// # Go
    /// `context.WithDeadline(parent, deadline)`.
    #[track_caller]
    #[must_use = "a token that is dropped is forgotten"]
    pub fn child_until(&self, deadline: Instant) -> CancelToken {
        self.child_at(deadline.nanos())
    }

    #[track_caller]
    fn child_at(&self, at: Nanos) -> CancelToken {
        let node = Node::child(&self.node, at);
        let child = CancelToken { node };
        // A token above whose time comes earlier takes this one with it.
        if at < self.node.deadline && !child.is_cancelled() {
            let timer = Deadline::set(&child.node, at);
            let is_set = child.node.timer.set(timer).is_ok();
            debug_assert!(is_set, "a token has one deadline");
        }
        child
    }

    /// When it is cancelled at the latest: its own deadline or one above.
    ///
    /// # Go
    /// `ctx.Deadline()`.
    pub fn deadline(&self) -> Option<Instant> {
        match self.node.deadline {
            Nanos::MAX => None,
            at => Some(Instant::from_nanos(at)),
        }
    }

    /// Cancels it and all its children; `false` if that was done before.
    ///
    /// What was registered with [`on_cancel`](CancelToken::on_cancel) runs here.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `cancel()`.
    pub fn cancel(&self) -> bool {
        Node::cancel(&self.node, &Reason::CANCELLED)
    }

    /// As [`cancel`](CancelToken::cancel), with an error that says why. A [`Reason`], that of another token, is passed on
    /// as it is.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `cancel(cause)` of `context.WithCancelCause`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::cancel::CancelToken;
    ///
    /// let token = CancelToken::new();
    /// let child = token.child();
    /// token.cancel_because("the disk is full");
    /// assert_eq!(child.reason().unwrap().to_string(), "cancelled: the disk is full");
    /// ```
    pub fn cancel_because(&self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> bool {
        Node::cancel(&self.node, &Reason::because(cause.into()))
    }

    /// Whether it has been cancelled, or its deadline has passed.
    ///
    /// Whoever is the first to find out that the deadline has passed, mostly but not always its timer, cancels it, and
    /// runs what was registered with [`on_cancel`](CancelToken::on_cancel): ask under no lock that is taken there too.
    /// [`reason`](CancelToken::reason), [`check`](CancelToken::check) and all that wait ask the same.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `ctx.Err() != nil`.
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        Node::is_cancelled(&self.node)
    }

    /// Why it has been cancelled; `None` if it has not. Asks what [`is_cancelled`](CancelToken::is_cancelled) asks.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `ctx.Err()`, and `context.Cause(ctx)`.
    pub fn reason(&self) -> Option<Reason> {
        self.is_cancelled().then(|| self.node.reason()).flatten()
    }

    /// For `?` in a long computation. Asks what [`is_cancelled`](CancelToken::is_cancelled) asks.
    ///
    /// **Blocks**: never.
    ///
    /// # Errors
    /// Why it has been cancelled.
    ///
    /// # Go
    /// `if err := ctx.Err(); err != nil { return err }`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::cancel::{CancelToken, Reason};
    ///
    /// fn sum(numbers: &[u64], token: &CancelToken) -> Result<u64, Reason> {
    ///     let mut sum = 0;
    ///     for chunk in numbers.chunks(1000) {
    ///         token.check()?;
    ///         sum += chunk.iter().sum::<u64>();
    ///     }
    ///     Ok(sum)
    /// }
    /// let token = CancelToken::new();
    /// assert_eq!(sum(&[1, 2], &token).unwrap(), 3);
    /// token.cancel();
    /// assert!(sum(&[1, 2], &token).is_err());
    /// ```
    #[inline]
    pub fn check(&self) -> Result<(), Reason> {
        self.reason().map_or(Ok(()), Err)
    }

    /// Waits until it is cancelled.
    ///
    /// **Blocks** the calling routine; on a plain thread, the thread.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it has not been cancelled.
    ///
    /// # Go
    /// `<-ctx.Done()`.
    #[track_caller]
    pub fn wait(&self) -> Reason {
        loop {
            if let Some(reason) = wait(&self.node, None) {
                return reason;
            }
        }
    }

    /// Waits until it is cancelled, for at most `timeout`.
    ///
    /// **Blocks** as [`wait`](CancelToken::wait), for at most `timeout`.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn wait_timeout(&self, timeout: Duration) -> Option<Reason> {
        wait(&self.node, Some(clock::deadline(timeout)))
    }

    /// Waits until it is cancelled, until `deadline` at most.
    ///
    /// **Blocks** as [`wait`](CancelToken::wait), until `deadline` at most.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn wait_until(&self, deadline: Instant) -> Option<Reason> {
        wait(&self.node, Some(deadline.nanos()))
    }

    /// Waits until it is cancelled, as an arm of a [`select!`](crate::select!) and in a task of any executor.
    ///
    /// Cancel-safe: it changes nothing.
    ///
    /// **Blocks**: never; the select or the future waits.
    ///
    /// # Go
    /// `case <-ctx.Done():`.
    pub fn cancelled(&self) -> Cancelled<'_> {
        Cancelled::new(&self.node)
    }

    /// Runs `f` when it is cancelled, or now if it has been.
    ///
    /// It runs in whoever cancels - that is also who only [asks](CancelToken::is_cancelled), when the deadline has passed -
    /// in the order of registration, and must not park: a park in it panics. For what takes longer let it spawn a
    /// routine. Its panic ends itself only.
    ///
    /// It stays registered when the token and the handle are dropped, as long as a deadline, or somebody who has a token
    /// above this one, may still cancel it; then it is dropped. (So it must not itself keep such a token.) The handle takes
    /// it back; dropping that does not.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `context.AfterFunc(ctx, f)`, which runs `f` in a goroutine of its own.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::{cancel::CancelToken, routine};
    ///
    /// let token = CancelToken::new();
    /// let handle = routine::spawn(|| routine::park());
    /// let abort = handle.abort_handle();
    /// token.on_cancel(move || abort.abort().unwrap());
    /// token.cancel();
    /// assert!(handle.join().unwrap_err().is_cancelled());
    /// ```
    pub fn on_cancel(&self, f: impl FnOnce() + Send + 'static) -> OnCancel {
        let number = Node::register(&self.node, Box::new(f));
        OnCancel {
            registered: number.map(|number| (self.node.clone(), number)),
        }
    }
}

impl Default for CancelToken {
    fn default() -> CancelToken {
        CancelToken::new()
    }
}

impl Clone for CancelToken {
    fn clone(&self) -> CancelToken {
        self.node.hold();
        CancelToken {
            node: self.node.clone(),
        }
    }
}

impl Drop for CancelToken {
    fn drop(&mut self) {
        Node::release(&self.node);
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken")
            // Not asked whether its deadline has passed: that would cancel it, and run what was registered for that.
            .field("reason", &self.node.reason())
            .field("deadline", &self.deadline())
            .finish()
    }
}

/// The handle of what runs at a cancellation; see [`CancelToken::on_cancel`].
pub struct OnCancel {
    registered: Option<(Arc<Node>, u64)>,
}

impl OnCancel {
    /// Takes it back: `true` if it has not run, and never will.
    ///
    /// Does not wait for one that is running.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `stop()`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::cancel::CancelToken;
    ///
    /// let token = CancelToken::new();
    /// let call = token.on_cancel(|| unreachable!());
    /// assert!(call.stop());
    /// token.cancel();
    /// ```
    pub fn stop(self) -> bool {
        self.registered
            .is_some_and(|(node, number)| Node::unregister(&node, number))
    }
}

impl fmt::Debug for OnCancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnCancel { .. }")
    }
}
