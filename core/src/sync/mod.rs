//! Locks and their kin, which park the routine, never the worker.
//!
//! They carry the names of std's and parking_lot's, so that changing a `use` line is a port. Use them, and
//! not those, wherever a guard lives across a blocking call: a lock of the operating system that is held
//! by a parked routine puts to sleep the very thread that has to run it.
//!
//! | from | change to |
//! |---|---|
//! | `parking_lot::{Mutex, RwLock, Condvar, Once}` | `rust_routines::sync::{..}`: `lock()` gives the guard |
//! | `std::sync::{Mutex, RwLock, Condvar}` | [`sync::poison::{..}`](poison): `lock()` gives a `LockResult`, with std's errors |
//! | `std::sync::{Barrier, Once, OnceLock, LazyLock}` | `rust_routines::sync::{..}` |
//! | `tokio::sync::{Semaphore, Notify}` | `rust_routines::sync::{..}`, with `acquire_async` and `wait_async` where it is awaited |
//!
//! Routines, plain threads and futures wait in the same lines; futures by the methods that end with `_async`,
//! which are arms of a [`select!`](crate::select!) too. All can be made in a `static`. Nothing is allocated
//! but a cell for a future that has to wait.
//!
//! **Misuse.** In debug builds, and in release with the feature `deadlock-detection`, a routine or thread
//! that would wait for good - for a lock that it holds itself, or in a circle of [`Mutex`], [`RwLock`] and
//! [`Once`] - panics instead, and names who holds what since where and who waits for what. A closure in
//! [`blocking`](crate::routine::blocking) is its caller there. Not seen are guards that may be sent (`lock_arc`, futures'),
//! the raw locks, and waits for a join, a [`Semaphore`] or a channel.
//!
//! **Cancellation.** A routine that is cancelled while it waits here unwinds without what it waited for, and
//! keeps nobody from it; one that was woken with it has it, and unwinds at its next wait.

pub mod poison;

mod barrier;
mod condvar;
mod guard;
mod latch;
mod lazy_lock;
mod line;
mod mutex;
mod mutex_guard;
mod notify;
mod once;
mod once_lock;
mod raw;
mod rwlock;
mod rwlock_guard;
mod seek;
mod semaphore;
mod unwind_safe;
mod wait_group;
mod watch;
mod zero;

pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::{Condvar, WaitTimeoutResult};
pub use guard::{Moves, Stays};
pub use latch::{Latch, LatchFuture};
pub use lazy_lock::LazyLock;
pub use mutex::{LockFuture, Mutex};
pub use mutex_guard::{ArcMutexGuard, MappedMutexGuard, MutexGuard};
pub use notify::{Notify, NotifyFuture};
pub use once::{Once, OnceState};
pub use once_lock::OnceLock;
pub use raw::{NotLockedError, NotifyList, RawMutex, RawRwLock, Ticket};
pub use rwlock::{ReadFuture, RwLock, WriteFuture};
pub use rwlock_guard::{
    ArcRwLockReadGuard, ArcRwLockWriteGuard, MappedRwLockReadGuard, MappedRwLockWriteGuard,
    RwLockReadGuard, RwLockWriteGuard,
};
pub use semaphore::{AcquireFuture, OwnedSemaphorePermit, Semaphore, SemaphorePermit};
pub use wait_group::{WaitGroup, WaitGroupFuture};
