//! The locks that poison, with std's faces: a panic while one is held is told to whoever takes it next.
//!
//! For `std::sync::{Mutex, RwLock, Condvar}` and their guards; the errors are std's own. So a program that
//! says `lock().unwrap()` is ported by its `use` lines alone.
//!
//! A routine that is cancelled while it holds one poisons it too: its work was not finished.
//!
//! ```
//! use rust_routines::sync::poison::Mutex; // was: use std::sync::Mutex;
//!
//! let count = Mutex::new(0);
//! *count.lock().unwrap() += 1;
//! assert_eq!(*count.lock().unwrap(), 1);
//! ```

mod condvar;
mod flag;
mod mutex;
mod rwlock;

pub use condvar::Condvar;
pub use mutex::{Mutex, MutexGuard};
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};

pub use super::condvar::WaitTimeoutResult;
pub use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};
