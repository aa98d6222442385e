//! Waiting for a token: a routine or a thread, a select, a future.
//!
//! - I1: a cell of a future enters the list once; when it was told, the token is cancelled, and it is not
//!   needed again.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::node::Node;
use super::reason::Reason;
use crate::control::{Reason as Why, Unlink};
use crate::sched::clock::Nanos;
use crate::select::{Arm, Native, Sealed};
use crate::wait::token::Token;
use crate::wait::{TaskWaiter, Waiter, block};

/// A waiter in the list.
struct Wait<'a> {
    node: &'a Node,
    waiter: &'a Waiter,
}

impl Unlink for Wait<'_> {
    fn unlink(&self) -> bool {
        self.node.under.lock().waiting.remove(self.waiter)
    }
}

/// Waits until the node is cancelled; `None`: the deadline came first.
#[track_caller]
pub(super) fn wait(node: &Arc<Node>, deadline: Option<Nanos>) -> Option<Reason> {
    if Node::is_cancelled(node) {
        return node.reason();
    }
    let waiter = Waiter::here();
    // SAFETY: made here; `block` returns when it has been unlinked.
    if unsafe { enter(node, &waiter) } {
        let unlink = Wait {
            node,
            waiter: &waiter,
        };
        // The token's own deadline ends it even where its runtime has gone.
        let until = deadline.unwrap_or(Nanos::MAX).min(node.deadline);
        let until = Some(until).filter(|&at| at != Nanos::MAX);
        // SAFETY: linked just now; `unlink` takes this waiter out.
        let _outcome = unsafe { block(&waiter, &unlink, Why::Token, until) };
    }
    Node::is_cancelled(node).then(|| node.reason()).flatten()
}

/// Stands in the list, unless it is cancelled.
///
/// # Safety
/// `waiter` is not linked, and stays alive and in place until it is unlinked.
unsafe fn enter(node: &Node, waiter: &Waiter) -> bool {
    let mut under = node.under.lock();
    if under.reason.is_some() {
        return false;
    }
    // SAFETY: the caller's promise.
    unsafe { under.waiting.push_back(waiter) };
    true
}

/// The cancellation of a [`CancelToken`](super::CancelToken): an arm of a [`select!`](crate::select!), and a future.
#[must_use = "a future does nothing until it is polled"]
pub struct Cancelled<'a> {
    node: &'a Arc<Node>,
    /// The place of a future in the list.
    task: Cell<Option<Arc<TaskWaiter>>>,
}

impl<'a> Cancelled<'a> {
    pub(super) fn new(node: &'a Arc<Node>) -> Cancelled<'a> {
        Cancelled {
            node,
            task: Cell::new(None),
        }
    }

    fn now(&self) -> Option<Reason> {
        Node::is_cancelled(self.node)
            .then(|| self.node.reason())
            .flatten()
    }

    /// A cell of this poll's task stands in the list; `false`: it is cancelled.
    fn stand(&self, cx: &Context<'_>) -> bool {
        let task = match self.task.take() {
            Some(task) => {
                task.set_waker(cx.waker().clone());
                task
            }
            None => {
                let task = TaskWaiter::new(cx.waker().clone());
                let waiter = TaskWaiter::into_waiter(task.clone());
                // SAFETY: a new cell is not linked; the count that `into_waiter` made keeps it alive.
                if !unsafe { enter(self.node, waiter.as_ref()) } {
                    // SAFETY: from `into_waiter`, and nobody has linked it.
                    drop(unsafe { TaskWaiter::from_waiter(waiter) });
                    return false;
                }
                task
            }
        };
        self.task.set(Some(task));
        // Told before it had this waker: then it is cancelled.
        self.node.under.lock().reason.is_none()
    }

    fn withdraw(&self) {
        if let Some(task) = self.task.take() {
            let is_linked = self.node.under.lock().waiting.remove(task.waiter());
            if is_linked {
                // SAFETY: the list's count, from `stand`; unlinked just now.
                drop(unsafe { TaskWaiter::from_waiter(NonNull::from(task.waiter())) });
            }
        }
    }
}

impl Future for Cancelled<'_> {
    type Output = Reason;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reason> {
        let this = &*self;
        if this.now().is_none() && this.stand(cx) {
            return Poll::Pending;
        }
        this.withdraw();
        match this.now() {
            Some(reason) => Poll::Ready(reason),
            None => Poll::Pending,
        }
    }
}

impl Drop for Cancelled<'_> {
    fn drop(&mut self) {
        self.withdraw();
    }
}

impl Native for Cancelled<'_> {
    #[inline(always)]
    fn is_idle(&self) -> bool {
        !Node::is_cancelled(self.node)
    }

    fn look(&self) -> bool {
        Node::is_cancelled(self.node)
    }

    unsafe fn enter(&self, waiter: &Waiter, _: &Token) -> bool {
        // SAFETY: the caller's promise.
        unsafe { enter(self.node, waiter) }
    }

    fn leave(&self, waiter: &Waiter) {
        self.node.under.lock().waiting.remove(waiter);
    }

    fn won(&self) -> bool {
        self.look()
    }

    fn due(&self) -> Option<Nanos> {
        Some(self.node.deadline).filter(|&at| at != Nanos::MAX)
    }
}

#[diagnostic::do_not_recommend]
impl Arm for Cancelled<'_> {
    type Output = Reason;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Reason> {
        Future::poll(Pin::new(self), cx)
    }

    #[inline(always)]
    fn native(&self) -> Option<Sealed<'_>> {
        // One that has been polled as a future goes on as one.
        let task = self.task.take();
        let is_waiting = task.is_some();
        self.task.set(task);
        (!is_waiting).then_some(Sealed(self))
    }
}

impl fmt::Debug for Cancelled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cancelled { .. }")
    }
}
