//! The tree of tokens.
//!
//! A node is counted twice: its memory by `Arc`, and those who can still be told or can cancel it - tokens, and
//! nodes below that have some - by `holders`. At zero holders it leaves its parent, so a server's root does not collect
//! the requests that have ended. But one with calls stays, as long as something is left that may cancel it: at its place
//! below its parent, without holding that, or by its own timer, through a reference to itself. When nothing is left, the
//! calls are forgotten, all the way down.
//!
//! A cancellation goes down with a list of its own instead of recursion: trees may be deep, and stacks are
//! not. Go holds a parent's lock while it cancels the children; here only one node is locked at a time,
//! so a token can be made, waited for and dropped while a large tree is cancelled.
//!
//! - I1: `reason` is set once, under the lock; with it the children and those who wait go, and none come after.
//! - I2: `index` is changed under the parent's lock; as long as the node stands among its children it is its
//!   place there.
//! - I3: no code of the user's runs, and nothing of theirs is dropped, under a lock.
//! - I4: at zero holders nobody holds it again; and then whoever changes what it stays for - a call taken back, a
//!   cancellation, a child that leaves - looks whether it still stays.

use std::collections::BTreeMap;
use std::ptr;
use std::sync::{Arc, OnceLock};

use super::deadline::Deadline;
use super::reason::Reason;
use crate::prim::{AtomicBool, AtomicU32, AtomicUsize, Ordering, SpinLock};
use crate::sched::clock::{self, Nanos};
use crate::sched::forbid;
use crate::sys::unwind::contain;
use crate::wait::{WaitList, Wakes, shielded};

/// What a user wants to be done.
pub(super) type Call = Box<dyn FnOnce() + Send>;

pub(super) struct Node {
    is_cancelled: AtomicBool,
    /// Whether there has been a call here, or below at one that stayed. Set by one that holds it, so the last holder sees
    /// it.
    had_calls: AtomicBool,
    /// I2.
    index: AtomicU32,
    holders: AtomicUsize,
    /// `Nanos::MAX`: none.
    pub(super) deadline: Nanos,
    pub(super) under: SpinLock<Under>,
    parent: Option<Arc<Node>>,
    /// Cancels it when its own deadline has passed, and not an earlier one above.
    pub(super) timer: OnceLock<Deadline>,
}

pub(super) struct Under {
    pub(super) reason: Option<Reason>,
    children: Vec<Arc<Node>>,
    pub(super) waiting: WaitList,
    calls: BTreeMap<u64, Call>,
    next_call: u64,
    /// The calls were dropped, and have not run.
    has_forgotten: bool,
    /// It stays for its timer.
    itself: Option<Arc<Node>>,
}

/// What has no place any more, to be dropped outside of the lock.
struct Forgotten {
    calls: BTreeMap<u64, Call>,
    below: Vec<Arc<Node>>,
    _itself: Option<Arc<Node>>,
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
                itself: None,
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
            if !Node::stays(&node) {
                node.leave();
            }
            match &node.parent {
                Some(parent) => node = parent.clone(),
                None => return,
            }
        }
    }

    /// What it has stayed for without holders may be gone, and then those above have lost it too (I4).
    fn review(this: &Arc<Node>) {
        let mut node = this.clone();
        // ORDER: Acquire pairs with the Release in `release`.
        while node.holders.load(Ordering::Acquire) == 0 && !Node::stays(&node) {
            node.leave();
            match &node.parent {
                Some(parent) => node = parent.clone(),
                None => return,
            }
        }
    }

    /// Without holders: whether something that it is to run may still be cancelled by something.
    fn stays(this: &Arc<Node>) -> bool {
        if !this.had_calls.load(Ordering::Relaxed) {
            return false;
        }
        let stands_below = this.parent.as_ref().is_some_and(|parent| {
            parent.had_calls.store(true, Ordering::Relaxed);
            parent.has(this)
        });
        let mut under = this.under.lock();
        if under.reason.is_some() || (under.calls.is_empty() && under.children.is_empty()) {
            return false;
        }
        if this.timer.get().is_some_and(Deadline::is_lit) {
            under.itself = Some(this.clone());
            return true;
        }
        // If it has been taken out since, it was made to forget too.
        stands_below
    }

    /// Whether a node still stands among its children.
    fn has(&self, child: &Node) -> bool {
        let under = self.under.lock();
        let found = under
            .children
            .get(child.index.load(Ordering::Relaxed) as usize);
        found.is_some_and(|found| ptr::eq(&**found, child))
    }

    /// Nobody holds it, and it stays for nothing.
    fn leave(&self) {
        if let Some(timer) = self.timer.get() {
            timer.stop();
        }
        let gone = self.parent.as_ref().and_then(|parent| parent.strike(self));
        drop(gone);
        let mut work = Vec::new();
        self.forget(&mut work);
        while let Some(node) = work.pop() {
            if !node.has_fuse() {
                node.forget(&mut work);
            }
        }
    }

    /// Whether it stays by its own timer.
    fn has_fuse(&self) -> bool {
        self.under.lock().itself.is_some()
    }

    /// Drops what will never be run; those below are left to the caller.
    fn forget(&self, work: &mut Vec<Arc<Node>>) {
        if !self.had_calls.load(Ordering::Relaxed) {
            return;
        }
        let mut under = self.under.lock();
        under.has_forgotten = under.reason.is_none();
        let mut forgotten = Forgotten {
            calls: std::mem::take(&mut under.calls),
            below: std::mem::take(&mut under.children),
            _itself: under.itself.take(),
        };
        drop(under);
        work.append(&mut forgotten.below);
        for call in forgotten.calls.into_values() {
            contain(|| shielded(|| drop(call)));
        }
    }

    /// Takes a child out, if it is still there.
    fn strike(&self, child: &Node) -> Option<Arc<Node>> {
        let mut under = self.under.lock();
        let index = child.index.load(Ordering::Relaxed) as usize;
        let found = under.children.get(index)?;
        if !ptr::eq(&**found, child) {
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
        Node::review(this);
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
        let itself = under.itself.take();
        drop(under);
        drop(itself);
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

    /// Its timer has fired, or will not.
    pub(super) fn lose_deadline(this: &Arc<Node>) {
        let itself = this.under.lock().itself.take();
        if itself.is_some() {
            Node::review(this);
        }
    }

    /// Takes a call back; `false`: it has run, or is about to.
    pub(super) fn unregister(this: &Arc<Node>, number: u64) -> bool {
        let mut under = this.under.lock();
        let call = under.calls.remove(&number);
        let never_runs = call.is_some() || under.has_forgotten;
        // I3.
        drop(under);
        drop(call);
        Node::review(this);
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
