//! The tree of tokens.
//!
//! A node is counted twice: its memory by `Arc`, and those who can still be told or can cancel it - tokens, and
//! nodes below - by `holders`. At zero holders it leaves its parent, so a server's root does not collect the
//! requests that have ended, and forgets its calls, which nobody can have run any more: a handle of one, which
//! may be among what they have captured, holds the memory only.
//!
//! A cancellation goes down with a list of its own instead of recursion: trees may be deep, and stacks are
//! not. Go holds a parent's lock while it cancels the children; here only one node is locked at a time,
//! so a token can be made, waited for and dropped while a large tree is cancelled.
//!
//! - I1: `reason` is set once, under the lock; with it the children and those who wait go, and none come after.
//! - I2: `index` is changed under the parent's lock; as long as the node stands among its children it is its
//!   place there.
//! - I3: no code of the user's runs, and nothing of theirs is dropped, under a lock.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::reason::Reason;
use crate::prim::{AtomicBool, AtomicU32, AtomicUsize, Ordering, SpinLock};
use crate::sched::clock::{self, Nanos};
use crate::sched::forbid;
use crate::sys::unwind::contain;
use crate::time::FuncTimer;
use crate::wait::{WaitList, Wakes, shielded};

/// What a user wants to be done.
pub(super) type Call = Box<dyn FnOnce() + Send>;

pub(super) struct Node {
    is_cancelled: AtomicBool,
    /// Whether there has been a call. Set by one that holds it, so the last holder sees it.
    had_calls: AtomicBool,
    /// I2.
    index: AtomicU32,
    holders: AtomicUsize,
    /// `Nanos::MAX`: none.
    pub(super) deadline: Nanos,
    pub(super) under: SpinLock<Under>,
    parent: Option<Arc<Node>>,
    /// Cancels it when its own deadline has passed, and not an earlier one above.
    pub(super) timer: OnceLock<FuncTimer>,
}

pub(super) struct Under {
    pub(super) reason: Option<Reason>,
    children: Vec<Arc<Node>>,
    pub(super) waiting: WaitList,
    calls: BTreeMap<u64, Call>,
    next_call: u64,
    /// The calls were dropped with the last holder, and have not run.
    has_forgotten: bool,
}

impl Node {
    /// A root.
    pub(super) fn root(deadline: Nanos) -> Arc<Node> {
        Arc::new(Node::new(deadline, None))
    }

    fn new(deadline: Nanos, parent: Option<Arc<Node>>) -> Node {
        Node {
            is_cancelled: AtomicBool::new(false),
            had_calls: AtomicBool::new(false),
            index: AtomicU32::new(0),
            holders: AtomicUsize::new(1),
            deadline,
            under: SpinLock::new(Under {
                reason: None,
                children: Vec::new(),
                waiting: WaitList::new(),
                calls: BTreeMap::new(),
                next_call: 0,
                has_forgotten: false,
            }),
            parent,
            timer: OnceLock::new(),
        }
    }

    /// One below, which holds `parent`; cancelled already if that is.
    pub(super) fn child(parent: &Arc<Node>, deadline: Nanos) -> Arc<Node> {
        parent.hold();
        let child = Arc::new(Node::new(
            deadline.min(parent.deadline),
            Some(parent.clone()),
        ));
        let mut under = parent.under.lock();
        match &under.reason {
            Some(reason) => {
                let reason = reason.clone();
                drop(under);
                child.cancel_one(&reason, &mut Vec::new());
            }
            None => {
                let index = u32::try_from(under.children.len()).expect("fewer than 2^32 tokens");
                child.index.store(index, Ordering::Relaxed);
                under.children.push(child.clone());
            }
        }
        child
    }

    #[inline]
    pub(super) fn hold(&self) {
        self.holders.fetch_add(1, Ordering::Relaxed);
    }

    /// One holder less; those above that are held by nobody else go too.
    pub(super) fn release(this: &Arc<Node>) {
        let mut node = this.clone();
        // ORDER: AcqRel: whoever is last sees what the others have done to the node.
        while node.holders.fetch_sub(1, Ordering::AcqRel) == 1 {
            if let Some(timer) = node.timer.get() {
                timer.stop();
            }
            let calls = node.forget();
            let parent = node.parent.clone();
            let gone = parent.as_ref().and_then(|parent| parent.strike(&node));
            drop(gone);
            for call in calls.into_values() {
                contain(|| shielded(|| drop(call)));
            }
            match parent {
                Some(parent) => node = parent,
                None => return,
            }
        }
    }

    /// Takes the calls out that nobody can have run any more.
    fn forget(&self) -> BTreeMap<u64, Call> {
        if !self.had_calls.load(Ordering::Relaxed) {
            return BTreeMap::new();
        }
        let mut under = self.under.lock();
        under.has_forgotten = under.reason.is_none();
        std::mem::take(&mut under.calls)
    }

    /// Takes a child out, if it is still there.
    fn strike(&self, child: &Arc<Node>) -> Option<Arc<Node>> {
        let mut under = self.under.lock();
        let index = child.index.load(Ordering::Relaxed) as usize;
        let found = under.children.get(index)?;
        if !Arc::ptr_eq(found, child) {
            return None;
        }
        let gone = under.children.swap_remove(index);
        if let Some(moved) = under.children.get(index) {
            moved.index.store(index as u32, Ordering::Relaxed);
        }
        Some(gone)
    }

    /// Whether it was cancelled, or its deadline has passed; that is looked at here too, for the runtime of its
    /// timer may have ended.
    #[inline]
    pub(super) fn is_cancelled(this: &Arc<Node>) -> bool {
        // ORDER: Acquire pairs with the Release in `cancel_one`.
        if this.is_cancelled.load(Ordering::Acquire) {
            return true;
        }
        this.deadline != Nanos::MAX && Node::look_at_clock(this)
    }

    #[cold]
    fn look_at_clock(this: &Arc<Node>) -> bool {
        let is_over = this.deadline <= clock::now();
        if is_over {
            Node::cancel(this, &Reason::DEADLINE);
        }
        is_over
    }

    pub(super) fn reason(&self) -> Option<Reason> {
        self.under.lock().reason.clone()
    }

    /// Cancels it and all below; `false`: it was cancelled before.
    pub(super) fn cancel(this: &Arc<Node>, reason: &Reason) -> bool {
        let mut work = Vec::new();
        let is_first = this.cancel_one(reason, &mut work);
        while let Some(node) = work.pop() {
            node.cancel_one(reason, &mut work);
        }
        is_first
    }

    /// This one; its children are left to the caller.
    fn cancel_one(&self, reason: &Reason, work: &mut Vec<Arc<Node>>) -> bool {
        let mut under = self.under.lock();
        if under.reason.is_some() {
            return false;
        }
        under.reason = Some(reason.clone());
        // ORDER: Release pairs with the Acquire in `is_cancelled`: what was done before is seen after it.
        self.is_cancelled.store(true, Ordering::Release);
        if !under.children.is_empty() {
            work.append(&mut std::mem::take(&mut under.children));
        }
        let mut wakes = Wakes::NONE;
        while let Some(waiter) = under.waiting.pop_front() {
            wakes.add(waiter);
        }
        let calls = std::mem::take(&mut under.calls);
        drop(under);
        wakes.wake();
        if let Some(timer) = self.timer.get() {
            timer.stop();
        }
        for call in calls.into_values() {
            run(call);
        }
        true
    }

    /// Has `call` run when it is cancelled; `None`: it is, and `call` has run.
    pub(super) fn register(this: &Arc<Node>, call: Call) -> Option<u64> {
        if !Node::is_cancelled(this) {
            let mut under = this.under.lock();
            if under.reason.is_none() {
                let number = under.next_call;
                under.next_call += 1;
                under.calls.insert(number, call);
                this.had_calls.store(true, Ordering::Relaxed);
                return Some(number);
            }
        }
        run(call);
        None
    }

    /// Takes a call back; `false`: it has run, or is about to.
    pub(super) fn unregister(&self, number: u64) -> bool {
        let mut under = self.under.lock();
        let call = under.calls.remove(&number);
        let never_runs = call.is_some() || under.has_forgotten;
        // I3.
        drop(under);
        drop(call);
        never_runs
    }
}

/// A call of the user's, wherever somebody cancels: it must not park, and its panic is its own.
fn run(call: Call) {
    forbid::around(|| contain(call));
}

impl Drop for Node {
    /// Those above, one after the other: a deep tree whose last reference is at its end would be dropped by
    /// recursion.
    fn drop(&mut self) {
        let mut above = self.parent.take();
        while let Some(mut node) = above.and_then(Arc::into_inner) {
            above = node.parent.take();
        }
    }
}
