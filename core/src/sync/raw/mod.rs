//! Locks without values: what the locks with values are made of, and what mirrors of other languages'
//! locks need.

mod mutex;
mod notify_list;
mod rwlock;

pub use mutex::{NotLockedError, RawMutex};
pub use notify_list::{NotifyList, Ticket};
pub use rwlock::RawRwLock;

pub(super) use mutex::MutexSeek;
pub(super) use rwlock::{ReadSeek, WriteSeek};
