//! What may be used after a panic was caught: everything that protects no value, and what tells of the panic.
//!
//! As std's and not, as would follow from their fields, by nobody: a program that says `catch_unwind` around
//! them is ported by its `use` lines too. [`Mutex`](super::Mutex) and [`RwLock`](super::RwLock) are not among
//! them, as parking_lot's are not: nobody tells whether their value is whole.

use std::panic::{RefUnwindSafe, UnwindSafe};

use super::{
    Barrier, Condvar, Latch, LazyLock, Notify, NotifyList, Once, OnceLock, RawMutex, RawRwLock,
    Semaphore, WaitGroup, poison,
};

macro_rules! unwind_safe {
    ($($name:ty),+ $(,)?) => {
        $(
            impl UnwindSafe for $name {}
            impl RefUnwindSafe for $name {}
        )+
    };
}

unwind_safe!(
    Barrier, Condvar, Latch, Notify, NotifyList, Once, RawMutex, RawRwLock, Semaphore, WaitGroup,
);

impl<T: ?Sized> UnwindSafe for poison::Mutex<T> {}
impl<T: ?Sized> RefUnwindSafe for poison::Mutex<T> {}
impl<T: ?Sized> UnwindSafe for poison::RwLock<T> {}
impl<T: ?Sized> RefUnwindSafe for poison::RwLock<T> {}

impl<T: UnwindSafe> UnwindSafe for OnceLock<T> {}
impl<T: UnwindSafe + RefUnwindSafe> RefUnwindSafe for OnceLock<T> {}
impl<T: UnwindSafe, F: UnwindSafe> UnwindSafe for LazyLock<T, F> {}
impl<T: UnwindSafe + RefUnwindSafe, F: UnwindSafe> RefUnwindSafe for LazyLock<T, F> {}
