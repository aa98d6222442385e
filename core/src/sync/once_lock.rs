//! A value that is written once.
//!
//! - I1: the value is there exactly if `once` is done. It is written by the one who does it, before that.

use std::cell::UnsafeCell;
use std::fmt;
use std::mem::MaybeUninit;

use super::once::{OnPanic, Once};

/// A place for a value that is written once, by whoever comes first.
///
/// # Go
/// `sync.OnceValue`, or a `sync.Once` beside a variable.
///
/// # Examples
/// ```
/// use rust_routines::sync::OnceLock;
///
/// static NAME: OnceLock<String> = OnceLock::new();
///
/// assert_eq!(NAME.get(), None);
/// assert_eq!(NAME.get_or_init(|| "Rob".to_string()), "Rob");
/// assert_eq!(NAME.set("Ken".to_string()), Err("Ken".to_string()));
/// ```
pub struct OnceLock<T> {
    once: Once,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: I1: written by one, then only shared; the one who writes may be on another thread than the one
// who drops it.
unsafe impl<T: Send + Sync> Sync for OnceLock<T> {}
// SAFETY: it owns its value.
unsafe impl<T: Send> Send for OnceLock<T> {}

impl<T> OnceLock<T> {
    /// A place without a value.
    pub const fn new() -> OnceLock<T> {
        OnceLock {
            once: Once::new(),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// The value, if it is there.
    ///
    /// **Blocks**: never.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        if !self.once.is_completed() {
            return None;
        }
        // SAFETY: I1.
        Some(unsafe { (*self.value.get()).assume_init_ref() })
    }

    /// The value, if it is there, through a unique reference.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        if !self.once.is_completed() {
            return None;
        }
        // SAFETY: I1.
        Some(unsafe { self.value.get_mut().assume_init_mut() })
    }

    /// The value, once somebody has put it there.
    ///
    /// **Blocks** the calling routine until then; on a plain thread, the thread.
    ///
    /// # Panics
    /// Under [`forbid_park`](crate::routine::forbid_park), if it would block.
    #[track_caller]
    pub fn wait(&self) -> &T {
        self.once.wait();
        self.get().expect("done")
    }

    /// Puts the value there.
    ///
    /// **Blocks** while another is about to.
    ///
    /// # Errors
    /// The value, if there is one already.
    #[track_caller]
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.get_or_init(|| value.take().expect("called once"));
        value.map_or(Ok(()), Err)
    }

    /// The value; if there is none, what `f` returns.
    ///
    /// **Blocks** the calling routine while another runs its closure; on a plain thread, the thread.
    ///
    /// # Panics
    /// If `f` panics; then there is still no value, and the next one tries. Under
    /// [`forbid_park`](crate::routine::forbid_park), if it would block. Called by `f` itself it is a
    /// deadlock, and a panic where deadlocks are looked for.
    ///
    /// # Go
    /// `sync.OnceValue(f)()`.
    #[inline]
    #[track_caller]
    pub fn get_or_init(&self, f: impl FnOnce() -> T) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        let infallible = || Ok::<T, std::convert::Infallible>(f());
        match self.get_or_try_init(infallible) {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// The value; if there is none, what `f` returns, unless that is an error.
    ///
    /// **Blocks** as [`get_or_init`](OnceLock::get_or_init).
    ///
    /// # Errors
    /// That of `f`; then there is still no value.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn get_or_try_init<E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        let (mut f, mut failed) = (Some(f), None);
        self.once.call(true, OnPanic::Undo, &mut |_| {
            match f.take().expect("called once")() {
                // SAFETY: I1: nobody else writes, nobody reads before it is done.
                Ok(value) => unsafe {
                    (*self.value.get()).write(value);
                },
                Err(error) => failed = Some(error),
            }
            failed.is_none()
        });
        match failed {
            Some(error) => Err(error),
            None => Ok(self.get().expect("done")),
        }
    }

    /// The value, without the place.
    pub fn into_inner(mut self) -> Option<T> {
        self.take()
    }

    /// Takes the value out; there is none then.
    pub fn take(&mut self) -> Option<T> {
        if !self.once.is_completed() {
            return None;
        }
        self.once.reset();
        // SAFETY: I1: it was there, and is taken to be there no longer.
        Some(unsafe { self.value.get_mut().assume_init_read() })
    }
}

impl<T> Drop for OnceLock<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> OnceLock<T> {
        OnceLock::new()
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> OnceLock<T> {
        let place = OnceLock::new();
        assert!(place.set(value).is_ok(), "it was empty");
        place
    }
}

impl<T: PartialEq> PartialEq for OnceLock<T> {
    fn eq(&self, other: &OnceLock<T>) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceLock<T> {}

impl<T: Clone> Clone for OnceLock<T> {
    fn clone(&self) -> OnceLock<T> {
        self.get()
            .cloned()
            .map_or_else(OnceLock::new, OnceLock::from)
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnceLock").field(&self.get()).finish()
    }
}
