//! A future's place in a line: the same line that routines and threads stand in.
//!
//! A future that waits has a cell in the heap there. It is told when a look pays off, takes what there is
//! when it is polled, and, dropped after it was told, passes that on. Told, and too late: it goes to the
//! front, with a new cell, because the wake of the old one may still be on its way.
//!
//! - I1: `task` is set while the cell may be in the line; it enters once, and leaves under the lock.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::line::{Line, is_granted};
use crate::prim::SpinLock;
use crate::queue::locks::{Comer, Entry};
use crate::wait::{TaskWaiter, Wakes};

/// What a future of a lock does there.
pub(super) trait Seek {
    /// What is under the object's lock.
    type Under;

    fn under(&self) -> &SpinLock<Self::Under>;

    fn line<'a>(&self, under: &'a mut Self::Under) -> &'a mut Line;

    /// What is noted for those who serve it.
    fn ask(&self) -> u64 {
        0
    }

    /// Takes it, if that needs no lock.
    fn try_now(&self, comer: Comer) -> bool;

    /// Under the lock: takes it, or says where to stand; `None`: try again. `granted`: told so by whoever
    /// took its cell off.
    fn enter(&self, under: &mut Self::Under, comer: Comer, granted: bool)
    -> (Option<Entry>, Wakes);

    /// Under the lock: it has left the line.
    fn left(&self, _under: &mut Self::Under) -> Wakes {
        Wakes::NONE
    }

    /// It was told, and does not come.
    fn pass_on(&self, granted: bool);
}

pub(super) struct Seeking<S: Seek> {
    pub(super) seek: S,
    task: Option<Arc<TaskWaiter>>,
    is_over: bool,
}

/// Polled again.
const AFTER: &str = "a future of a lock was polled after it was ready";

impl<S: Seek> Seeking<S> {
    pub(super) fn new(seek: S) -> Seeking<S> {
        Seeking {
            seek,
            task: None,
            is_over: false,
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        assert!(!self.is_over, "{AFTER}");
        let comer = match &self.task {
            None => Comer::New,
            Some(task) => {
                task.set_waker(cx.waker().clone());
                let _under = self.seek.under().lock();
                if task.is_linked() {
                    return Poll::Pending;
                }
                Comer::Told
            }
        };
        let granted = self
            .task
            .as_ref()
            .is_some_and(|task| is_granted(task.waiter()));
        let mut fresh = None;
        while !self.seek.try_now(comer) {
            // Made without the lock: the clone of a waker is foreign code.
            let cell = fresh.get_or_insert_with(|| TaskWaiter::new(cx.waker().clone()));
            let mut under = self.seek.under().lock();
            let (entry, wakes) = self.seek.enter(&mut under, comer, granted);
            let is_waiting = matches!(entry, Some(Entry::Back | Entry::Front));
            if let (true, Some(entry)) = (is_waiting, entry) {
                let ask = self.seek.ask();
                self.seek.line(&mut under).push_task(cell, ask, entry);
            }
            drop(under);
            wakes.wake();
            if is_waiting {
                self.task = fresh;
                return Poll::Pending;
            }
            if entry.is_some() {
                break;
            }
        }
        self.is_over = true;
        self.task = None;
        Poll::Ready(())
    }
}

impl<S: Seek> Drop for Seeking<S> {
    fn drop(&mut self) {
        let Some(task) = self.task.take() else {
            return;
        };
        let mut under = self.seek.under().lock();
        if self.seek.line(&mut under).remove_task(&task) {
            let wakes = self.seek.left(&mut under);
            drop(under);
            wakes.wake();
            return;
        }
        // In the order of the lock: who took it off has noted this before.
        let granted = is_granted(task.waiter());
        drop(under);
        self.seek.pass_on(granted);
    }
}

/// The outside of a future: what it is called, and what it gives when its place is reached.
macro_rules! future {
    (
        $(#[$about:meta])*
        $name:ident<$life:lifetime $(, $value:ident)?>($($object:tt)*) over $seek:ty => $output:ty = |$of:ident| $make:expr
    ) => {
        $(#[$about])*
        #[must_use = "a future does nothing until it is polled"]
        pub struct $name<$life $(, $value: ?Sized)?> {
            object: $($object)*,
            seeking: $crate::sync::seek::Seeking<$seek>,
        }

        impl<$life $(, $value: ?Sized)?> std::future::Future for $name<$life $(, $value)?> {
            type Output = $output;

            fn poll(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<$output> {
                let this = &mut *self;
                let $of = &mut this.object;
                this.seeking.poll(cx).map(|()| $make)
            }
        }

        impl<$($value: ?Sized)?> std::fmt::Debug for $name<'_ $(, $value)?> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), " { .. }"))
            }
        }
    };
}
pub(super) use future;
