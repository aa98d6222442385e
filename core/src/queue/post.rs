//! What others have to say to one who looks now and then: many write, one reads all of it at once.
//!
//! For news that are rare and may take memory; routines that are made ready travel in the inbox. The
//! reader's look at an empty one is a load. Who writes wakes a reader that sleeps, as with the inbox's
//! flags: write, fence, look at the sleep word; the reader sets that, fences, and looks here.

use super::Linked;
use super::inbox::Inbox;
use crate::prim::{AtomicBool, Ordering, SpinLock, full_fence};

pub(crate) struct Post<T> {
    /// Changed under the lock.
    has_some: AtomicBool,
    written: SpinLock<Vec<T>>,
}

impl<T> Post<T> {
    pub(crate) fn new() -> Self {
        Self {
            has_some: AtomicBool::new(false),
            written: SpinLock::new(Vec::new()),
        }
    }

    /// Anyone: whether the reader, whose inbox that is, has to be woken for it.
    #[must_use]
    pub(crate) fn tell<N: Linked>(&self, news: T, inbox: &Inbox<N>) -> bool {
        self.write(news);
        // ORDER: SeqCst, before the look at the sleep word; pairs with the fence after `fall_asleep`.
        full_fence();
        inbox.is_asleep()
    }

    fn write(&self, news: T) {
        let mut written = self.written.lock();
        written.push(news);
        self.has_some.store(true, Ordering::Relaxed);
    }

    /// The reader: whether there is something.
    #[inline]
    pub(crate) fn has_some(&self) -> bool {
        self.has_some.load(Ordering::Relaxed)
    }

    /// The reader: all there is, in the order it was written, into `into`, which is empty.
    pub(crate) fn read(&self, into: &mut Vec<T>) {
        debug_assert!(into.is_empty());
        let mut written = self.written.lock();
        std::mem::swap(&mut *written, into);
        self.has_some.store(false, Ordering::Relaxed);
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::sync::Arc;
    use loom::thread;

    struct Node(crate::prim::AtomicPtr<Node>);

    impl Linked for Node {
        fn link(&self) -> &crate::prim::AtomicPtr<Node> {
            &self.0
        }
    }

    /// One tells a reader that is about to sleep: that sees it there, or is woken.
    #[test]
    fn a_reader_that_falls_asleep_is_told() {
        loom::model(|| {
            let both = Arc::new((Post::new(), Inbox::<Node>::new()));
            let teller = {
                let both = both.clone();
                thread::spawn(move || both.0.tell(7, &both.1))
            };
            assert!(both.1.fall_asleep());
            // ORDER: SeqCst; pairs with the fence in `tell`.
            crate::prim::fence(Ordering::SeqCst);
            let seen = both.0.has_some();
            let woken = teller.join().unwrap();
            assert!(seen || woken, "the reader would sleep on news");
        });
    }

    /// Two write while the reader reads: it gets both, and what is left is announced.
    #[test]
    fn nothing_that_is_written_stays_unannounced() {
        loom::model(|| {
            let post = Arc::new(Post::new());
            let writers: Vec<_> = (1..=2)
                .map(|news| {
                    let post = post.clone();
                    thread::spawn(move || post.write(news))
                })
                .collect();
            let mut read = Vec::new();
            if post.has_some() {
                post.read(&mut read);
            }
            for writer in writers {
                writer.join().unwrap();
            }
            let mut rest = Vec::new();
            if post.has_some() {
                post.read(&mut rest);
            }
            read.append(&mut rest);
            read.sort_unstable();
            assert_eq!(read, [1, 2]);
        });
    }
}
