//! The inbox of a worker: what other threads make ready for it, and whether it is asleep, in one
//! word.
//!
//! Homed work has exactly one possible consumer, so a push that meets a sleeping worker must wake
//! it, always. With "asleep" as a value of the same word that the push exchanges, the question
//! "was it asleep when my node arrived?" has one answer and needs no fence: the textbook
//! alternative, a flag beside a queue, costs both sides a full barrier for each wake.
//!
//! ```text
//! pusher (holds the node)                    owner
//! 1 head = word                              a CAS word: EMPTY -> ASLEEP; on failure go on working
//! 2 node.link = head, or null if ASLEEP      b park until unparked or the next timer
//! 3 CAS word: head -> node                   c swap word -> EMPTY, take what was there
//! 4 if head was ASLEEP: unpark the owner
//! ```
//!
//! - I1: a node in the word belongs to the inbox; `take` moves the whole chain to the owner.
//! - I2: of all pushes since the owner's step a, exactly one sees ASLEEP (the CAS replaced it), and
//!   that one unparks. The parker keeps a token, so an unpark between a and b is not lost.
//! - I3: after step 3 the pusher does not touch the node again: it may already run.

use std::ptr::{self, NonNull};

use super::Linked;
use super::list::List;
use crate::prim::{AtomicPtr, Ordering};

pub(crate) struct Inbox<T: Linked> {
    word: AtomicPtr<T>,
}

impl<T: Linked> Inbox<T> {
    pub(crate) fn new() -> Self {
        Self {
            word: AtomicPtr::new(ptr::null_mut()),
        }
    }

    fn asleep() -> *mut T {
        ptr::without_provenance_mut(1)
    }

    /// Adds a node; `true` means that the owner was asleep and the caller must unpark it.
    ///
    /// # Safety
    /// The caller owns `node`, which is alive and in no queue, and gives it up (I3).
    #[must_use]
    pub(crate) unsafe fn push(&self, node: NonNull<T>) -> bool {
        let mut head = self.word.load(Ordering::Relaxed);
        loop {
            let next = if head == Self::asleep() {
                ptr::null_mut()
            } else {
                head
            };
            // SAFETY: until the exchange succeeds the node is the caller's alone.
            unsafe { node.as_ref().link().store(next, Ordering::Relaxed) };
            // ORDER: Release publishes the node and what the waker wrote before; pairs with the
            // Acquire swap in `take`.
            match self.word.compare_exchange_weak(
                head,
                node.as_ptr(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return head == Self::asleep(),
                Err(now) => head = now,
            }
        }
    }

    /// Owner: whether `take` would find something.
    #[inline]
    pub(crate) fn has_mail(&self) -> bool {
        let word = self.word.load(Ordering::Relaxed);
        !word.is_null() && word != Self::asleep()
    }

    /// Owner: says that it is about to park; `false` means that something has arrived.
    #[must_use]
    pub(crate) fn fall_asleep(&self) -> bool {
        // ORDER: SeqCst orders this before the owner's last look at its mail and the stop flag,
        // as `is_asleep`'s callers order their stores before the look at this word.
        self.word
            .compare_exchange(
                ptr::null_mut(),
                Self::asleep(),
                Ordering::SeqCst,
                Ordering::Relaxed,
            )
            .is_ok()
    }

    /// Anyone, after a SeqCst fence: whether the owner has to be unparked to see a flag.
    pub(crate) fn is_asleep(&self) -> bool {
        // ORDER: SeqCst pairs with the exchange in `fall_asleep`.
        self.word.load(Ordering::SeqCst) == Self::asleep()
    }

    /// Owner: moves everything to the end of `into`, oldest first, and is awake afterwards.
    pub(crate) fn take(&self, into: &List<T>) {
        // ORDER: Acquire pairs with the Release exchange in `push`.
        let mut node = self.word.swap(ptr::null_mut(), Ordering::Acquire);
        if node == Self::asleep() {
            return;
        }
        let mut oldest: *mut T = ptr::null_mut();
        while let Some(current) = NonNull::new(node) {
            // SAFETY: I1: the chain is ours now and its nodes are alive.
            let link = unsafe { current.as_ref().link() };
            node = link.load(Ordering::Relaxed);
            link.store(oldest, Ordering::Relaxed);
            oldest = current.as_ptr();
        }
        while let Some(current) = NonNull::new(oldest) {
            // SAFETY: I1, as above; each node leaves the chain before it enters the list.
            unsafe {
                oldest = current.as_ref().link().load(Ordering::Relaxed);
                into.push(current);
            }
        }
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicBool;
    use loom::thread;

    struct Node {
        link: AtomicPtr<Node>,
        value: usize,
    }

    impl Linked for Node {
        fn link(&self) -> &AtomicPtr<Node> {
            &self.link
        }
    }

    fn node(value: usize) -> NonNull<Node> {
        NonNull::from(Box::leak(Box::new(Node {
            link: AtomicPtr::new(ptr::null_mut()),
            value,
        })))
    }

    /// Frees a node that came out of the inbox.
    fn finish(node: NonNull<Node>) -> usize {
        // SAFETY: I1: popped by the only owner, never touched again by its pusher (I3).
        unsafe { Box::from_raw(node.as_ptr()).value }
    }

    /// Two pushers, an owner that sleeps whenever it finds nothing: it gets both nodes, and every
    /// sleep that a push follows is ended by an unpark.
    #[test]
    fn pushes_wake_a_sleeping_owner() {
        loom::model(|| {
            let inbox = Arc::new(Inbox::<Node>::new());
            let token = Arc::new((loom::sync::Mutex::new(false), loom::sync::Condvar::new()));
            let pushers: Vec<_> = (1..=2)
                .map(|value| {
                    let (inbox, token) = (inbox.clone(), token.clone());
                    thread::spawn(move || {
                        // SAFETY: a fresh node that nobody else knows.
                        if unsafe { inbox.push(node(value)) } {
                            *token.0.lock().unwrap() = true;
                            token.1.notify_one();
                        }
                    })
                })
                .collect();
            let (list, mut sum) = (List::new(), 0);
            while sum != 3 {
                if inbox.fall_asleep() {
                    let mut set = token.0.lock().unwrap();
                    while !*set {
                        set = token.1.wait(set).unwrap();
                    }
                    *set = false;
                }
                inbox.take(&list);
                while let Some(node) = list.pop() {
                    sum += finish(node);
                }
            }
            for pusher in pushers {
                pusher.join().unwrap();
            }
        });
    }

    /// The flag beside the inbox (mail, stop): stored, fenced, then `is_asleep`; the owner falls
    /// asleep, fences, then looks at the flag. One of the two sees the other.
    #[test]
    fn a_flag_is_seen_or_the_owner_is_unparked() {
        loom::model(|| {
            let inbox = Arc::new(Inbox::<Node>::new());
            let flag = Arc::new(AtomicBool::new(false));
            let other = {
                let (inbox, flag) = (inbox.clone(), flag.clone());
                thread::spawn(move || {
                    flag.store(true, Ordering::Relaxed);
                    // ORDER: SeqCst; pairs with the owner's fence below.
                    crate::prim::fence(Ordering::SeqCst);
                    inbox.is_asleep()
                })
            };
            assert!(inbox.fall_asleep());
            // ORDER: SeqCst; pairs with the other side's fence above.
            crate::prim::fence(Ordering::SeqCst);
            let seen = flag.load(Ordering::Relaxed);
            let unparked = other.join().unwrap();
            assert!(seen || unparked, "the owner would sleep on a set flag");
        });
    }

    /// Nodes of one pusher keep their order.
    #[test]
    fn one_pusher_is_fifo() {
        loom::model(|| {
            let inbox = Arc::new(Inbox::<Node>::new());
            let pusher = {
                let inbox = inbox.clone();
                thread::spawn(move || {
                    for value in 1..=2 {
                        // SAFETY: a fresh node that nobody else knows.
                        let woken = unsafe { inbox.push(node(value)) };
                        assert!(!woken, "this owner never sleeps");
                    }
                })
            };
            let (list, mut got) = (List::new(), Vec::new());
            inbox.take(&list);
            pusher.join().unwrap();
            inbox.take(&list);
            while let Some(node) = list.pop() {
                got.push(finish(node));
            }
            assert_eq!(got, [1, 2]);
        });
    }
}
