//! A value that is made when it is first used.
//!
//! - I1: `state` is changed only by the one who does `once`, and read only after it is done.

use std::cell::UnsafeCell;
use std::fmt;
use std::ops::Deref;

use super::once::{OnPanic, Once};

/// A value that is made by `F` when it is first used.
///
/// # Go
/// `sync.OnceValue`.
///
/// # Examples
/// ```
/// use rust_routines::sync::{LazyLock, Mutex};
///
/// static NAMES: LazyLock<Mutex<Vec<String>>> = LazyLock::new(|| Mutex::new(vec!["Rob".to_string()]));
///
/// NAMES.lock().push("Ken".to_string());
/// assert_eq!(NAMES.lock().len(), 2);
/// ```
pub struct LazyLock<T, F = fn() -> T> {
    once: Once,
    state: UnsafeCell<State<T, F>>,
}

enum State<T, F> {
    Unmade(F),
    Made(T),
    /// `F` runs, or has panicked.
    Lost,
}

// SAFETY: I1: `F` is moved to whoever comes first, the value shared by all after that.
unsafe impl<T: Send + Sync, F: Send> Sync for LazyLock<T, F> {}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    /// A value that `f` makes.
    pub const fn new(f: F) -> LazyLock<T, F> {
        LazyLock {
            once: Once::new(),
            state: UnsafeCell::new(State::Unmade(f)),
        }
    }

    /// The value, made now if it has not been used before; as `*lazy`.
    ///
    /// **Blocks** the calling routine while another makes it; on a plain thread, the thread.
    ///
    /// # Panics
    /// If the making panics, or is cancelled or ended by a `timeout`, and from then on. Under
    /// [`forbid_park`](crate::routine::forbid_park), if it would block. Used by its own making it is a
    /// deadlock, and a panic where deadlocks are looked for.
    #[inline]
    #[track_caller]
    pub fn force(this: &LazyLock<T, F>) -> &T {
        if !this.once.is_completed() {
            this.make();
        }
        // SAFETY: I1.
        match unsafe { &*this.state.get() } {
            State::Made(value) => value,
            State::Unmade(_) | State::Lost => unreachable!("done is made"),
        }
    }

    #[cold]
    #[track_caller]
    fn make(&self) {
        let done = self.once.call(false, OnPanic::Fail, &mut |_| {
            // SAFETY: I1: nobody else is here, and the reference does not outlive this line.
            let state = std::mem::replace(unsafe { &mut *self.state.get() }, State::Lost);
            let State::Unmade(f) = state else {
                return false;
            };
            let value = f();
            // SAFETY: as above.
            unsafe { *self.state.get() = State::Made(value) };
            true
        });
        assert!(done, "LazyLock instance has previously been poisoned");
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    #[inline]
    #[track_caller]
    fn deref(&self) -> &T {
        LazyLock::force(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    fn default() -> LazyLock<T> {
        LazyLock::new(T::default)
    }
}

impl<T: fmt::Debug, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.once.is_completed() {
            return f.write_str("LazyLock(<uninit>)");
        }
        // SAFETY: I1.
        match unsafe { &*self.state.get() } {
            State::Made(value) => f.debug_tuple("LazyLock").field(value).finish(),
            State::Unmade(_) | State::Lost => f.write_str("LazyLock(<uninit>)"),
        }
    }
}
