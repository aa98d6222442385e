//! The product's primitives: std atomics and a spin lock.
//!
//! `SpinLock` instead of parking_lot where a critical section is a handful of moves and runs no
//! user code: its unlock is a plain release store, which makes an uncontended channel operation
//! a quarter cheaper. A holder that the kernel preempts is waited for with `yield_now`, so
//! nobody spins away a time slice.
//!
//! Invariants:
//! - I1: `value` is touched only between a successful `swap(true)` and the `store(false)` of the
//!   same holder.

use std::cell::UnsafeCell;
use std::hint;
use std::ops::{Deref, DerefMut};

pub(crate) use crossbeam_utils::{Backoff, CachePadded};
pub(crate) use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
};

/// A constructor that is `const` in the product: loom's atomics are made at run time.
macro_rules! const_fn {
    ($visible:vis fn $($rest:tt)*) => {
        $visible const fn $($rest)*
    };
}
pub(crate) use const_fn;

/// A SeqCst fence for hot paths: on x86 a locked instruction, which orders as much as `mfence` and
/// takes a third of its time.
#[inline(always)]
pub(crate) fn full_fence() {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: adds nothing to a word of the own stack; without `nomem`, so the compiler moves no
    // memory access over it either.
    unsafe {
        std::arch::asm!("lock or dword ptr [rsp], 0", options(nostack));
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    // ORDER: SeqCst; the callers name its partners.
    fence(Ordering::SeqCst);
}

/// Asks for the line at `address`, which will be used in a moment; any address will do.
#[inline(always)]
pub(crate) fn prefetch(address: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which faults at no address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::without_provenance(address));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Pauses before a lock that is taken is looked at again: some 300 ns. A look takes the line from the
/// holder, and each of its next sections would begin with fetching it back. Left alone it does ten of
/// them or fills its buffer: a channel between two workers carries three times as much as with looks at
/// once, and twice as much as with 64 pauses, which leave the lock idle.
const GRACE: u32 = 24;

/// A lock for sections that are a few moves long and run no user code.
#[derive(Default)]
#[repr(C)] // The lock stands before what it guards, in the same cache line.
pub(crate) struct SpinLock<T> {
    locked: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: I1 gives each holder the value alone, so sharing the lock moves `T` between threads.
unsafe impl<T: Send> Sync for SpinLock<T> {}

/// Proof that the lock is held.
pub(crate) struct SpinGuard<'a, T> {
    lock: &'a SpinLock<T>,
}

impl<T> SpinLock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self {
            locked: AtomicBool::new(false),
            value: UnsafeCell::new(value),
        }
    }

    #[inline]
    pub(crate) fn lock(&self) -> SpinGuard<'_, T> {
        // ORDER: Acquire pairs with the Release store in `SpinGuard::drop`; SeqCst with the load in
        // `is_locked`.
        if self.locked.swap(true, Ordering::SeqCst) {
            self.lock_slow();
        }
        SpinGuard { lock: self }
    }

    /// Whether somebody holds it. `false` comes after the end of every section whose beginning came before
    /// in the one order of SeqCst, or happened before.
    #[inline(always)]
    pub(crate) fn is_locked(&self) -> bool {
        // ORDER: SeqCst pairs with the swaps that take the lock, Acquire with the store that releases it.
        self.locked.load(Ordering::SeqCst)
    }

    #[inline]
    pub(crate) fn try_lock(&self) -> Option<SpinGuard<'_, T>> {
        if self.locked.load(Ordering::Relaxed) {
            return None;
        }
        // ORDER: as in `lock`.
        if self.locked.swap(true, Ordering::SeqCst) {
            return None;
        }
        Some(SpinGuard { lock: self })
    }

    #[cold]
    fn lock_slow(&self) {
        let backoff = Backoff::new();
        for _ in 0..GRACE {
            hint::spin_loop();
        }
        loop {
            while self.locked.load(Ordering::Relaxed) {
                backoff.snooze();
            }
            // ORDER: as in `lock`.
            if !self.locked.swap(true, Ordering::SeqCst) {
                return;
            }
        }
    }
}

impl<T> Deref for SpinGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: I1: this guard is the holder.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for SpinGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: I1: this guard is the holder.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for SpinGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // ORDER: pairs with the swaps in `lock`, `try_lock` and `lock_slow`, and the load in `is_locked`.
        self.lock.locked.store(false, Ordering::Release);
    }
}
