//! Local values of a program whose allocator uses some itself, as one that counts by routine would: whenever memory
//! is asked for, the very key may be used for which it is.
//!
//! Here and not among the other tests, for an allocator is `unsafe` to write.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rust_routines::{routine, routine_local};

/// Values that are told from all others by their size.
const LARGE: usize = 100_000;

#[derive(Clone)]
struct Large {
    bytes: [u8; LARGE],
    alive: Arc<()>,
}

thread_local! {
    /// What runs when memory for a large value is asked for the next time.
    static NEXT: Cell<Option<fn()>> = const { Cell::new(None) };
    static ALIVE: Cell<Option<Arc<()>>> = const { Cell::new(None) };
}

routine_local! {
    #[inherit]
    static VALUE: Large = large(1);
}

/// One of those that are counted on this thread.
fn large(byte: u8) -> Large {
    let alive = ALIVE.take().unwrap_or_default();
    ALIVE.set(Some(alive.clone()));
    Large {
        bytes: [byte; LARGE],
        alive,
    }
}

struct Meddler;

// SAFETY: the system's, with code before that asks it for memory of its own, and with memory that is spoilt and kept
// when it is given back: it is never lent again.
unsafe impl GlobalAlloc for Meddler {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() >= LARGE {
            if let Some(meddle) = NEXT.take() {
                meddle();
            }
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if layout.size() >= LARGE {
            // SAFETY: the caller's promise: it is of this size, and nobody's any more.
            unsafe { ptr::write_bytes(memory, 0xA5, layout.size()) };
        } else {
            // SAFETY: the caller's promise.
            unsafe { System.dealloc(memory, layout) };
        }
    }
}

#[global_allocator]
static ALLOCATOR: Meddler = Meddler;

/// Runs `body`, on a plain thread that ends, and says how many of its large values are left.
fn left_by(body: fn()) -> usize {
    let thread = std::thread::Builder::new().stack_size(64 * LARGE);
    let ran = thread.spawn(move || {
        body();
        ALIVE.take().expect("there were some")
    });
    Arc::strong_count(&ran.unwrap().join().unwrap()) - 1
}

/// Says whether there is a value when it is dropped.
struct Sees(Arc<AtomicBool>);

impl Drop for Sees {
    fn drop(&mut self) {
        self.0
            .store(VALUE.try_with(|_| ()).is_ok(), Ordering::SeqCst);
    }
}

/// The parent's value goes while the memory for its copy is asked for. The copy is as old as that was: it goes after
/// what is made later.
#[test]
fn a_value_is_taken_while_it_is_inherited() {
    routine_local!(static LATER: Option<Sees> = None);
    let left = left_by(|| {
        VALUE.set(large(7));
        NEXT.set(Some(|| drop(VALUE.take())));
        let seen = Arc::new(AtomicBool::new(false));
        let sees = Sees(seen.clone());
        let child = routine::Builder::new().stack_size(64 * LARGE);
        let child = child.spawn(move || {
            LATER.set(Some(sees));
            VALUE.with(|value| value.bytes)
        });
        assert!(NEXT.take().is_none(), "it has run");
        assert_eq!(child.unwrap().join().unwrap(), [7; LARGE]);
        assert!(seen.load(Ordering::SeqCst));
        VALUE.with(|value| assert_eq!(value.bytes[0], 1, "made anew"));
    });
    assert_eq!(left, 0);
}

/// One is there when the memory has come: the later one counts, and the other is dropped.
#[test]
fn a_value_is_set_while_it_is_made() {
    let left = left_by(|| {
        NEXT.set(Some(|| VALUE.set(large(7))));
        let first = VALUE.with(|value| value.bytes[0]);
        assert!(NEXT.take().is_none(), "it has run");
        assert_eq!(first, 1, "what the initialiser returns counts");
        NEXT.set(Some(|| VALUE.set(large(7))));
        drop(VALUE.take());
        VALUE.set(large(3));
        assert!(NEXT.take().is_none(), "it has run");
        VALUE.with(|value| assert_eq!(Arc::strong_count(&value.alive), 2, "with ours"));
        assert_eq!(VALUE.replace(large(4)).bytes[0], 3);
    });
    assert_eq!(left, 0);
}
