//! The same names as `std.rs`, from loom: only the modelled protocols are compiled against it.

pub(crate) use loom::sync::atomic::{
    AtomicBool, AtomicI64, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
};

/// As in `std.rs`, but not `const`.
macro_rules! const_fn {
    ($visible:vis fn $($rest:tt)*) => {
        $visible fn $($rest)*
    };
}
pub(crate) use const_fn;

/// loom knows one kind of full fence.
pub(crate) fn full_fence() {
    // ORDER: SeqCst; the callers name its partners.
    fence(Ordering::SeqCst);
}

/// loom's mutex stands in for the spin lock: loom explores who gets it, not how it spins.
pub(crate) struct SpinLock<T>(loom::sync::Mutex<T>);

impl<T> SpinLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
        self.0
            .lock()
            .expect("a model panicked while it held the lock")
    }
}
