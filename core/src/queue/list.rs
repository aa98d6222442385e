//! A plain FIFO of linked nodes: a worker's own ready queue.
//!
//! Intrusive, because a wake must not allocate, and single-threaded, because started routines
//! never leave their home: the two facts make a push two stores.

use std::cell::Cell;
use std::ptr::{self, NonNull};

use super::Linked;
use crate::prim::Ordering;

pub(crate) struct List<T: Linked> {
    head: Cell<*mut T>,
    tail: Cell<*mut T>,
}

impl<T: Linked> List<T> {
    pub(crate) const fn new() -> Self {
        Self {
            head: Cell::new(ptr::null_mut()),
            tail: Cell::new(ptr::null_mut()),
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.get().is_null()
    }

    /// # Safety
    /// `node` is alive, in no queue, and stays alive until it is popped.
    #[inline]
    pub(crate) unsafe fn push(&self, node: NonNull<T>) {
        // SAFETY: the caller vouches for `node`; the old tail is in this list, so alive.
        unsafe {
            node.as_ref()
                .link()
                .store(ptr::null_mut(), Ordering::Relaxed);
            let tail = self.tail.replace(node.as_ptr());
            if tail.is_null() {
                self.head.set(node.as_ptr());
            } else {
                (*tail).link().store(node.as_ptr(), Ordering::Relaxed);
            }
        }
    }

    #[inline]
    pub(crate) fn first(&self) -> Option<NonNull<T>> {
        NonNull::new(self.head.get())
    }

    #[inline]
    pub(crate) fn pop(&self) -> Option<NonNull<T>> {
        let node = NonNull::new(self.head.get())?;
        // SAFETY: a node in the list is alive (contract of `push`).
        let next = unsafe { node.as_ref().link().load(Ordering::Relaxed) };
        self.head.set(next);
        if next.is_null() {
            self.tail.set(ptr::null_mut());
        }
        Some(node)
    }
}
