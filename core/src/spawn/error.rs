//! Why a routine has no result.

use std::any::{Any, TypeId};
use std::fmt;
use std::panic;

/// Why a routine has no result.
///
/// It can be sent and shared, so `handle.join()?` works in functions that return a `Box<dyn Error + Send + Sync>`.
pub enum JoinError {
    /// It panicked; the value is what was given to `panic!`.
    Panicked(PanicPayload),
    /// It was cancelled: by [`JoinHandle::abort`](super::JoinHandle::abort), by the scope it was spawned in, or because its
    /// runtime was shut down before it ended.
    Cancelled,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::Panicked(payload) => match payload.message() {
                Some(message) => write!(f, "the routine panicked: {message}"),
                None => f.write_str("the routine panicked"),
            },
            JoinError::Cancelled => f.write_str("the routine was cancelled"),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::Panicked(payload) => match payload.message() {
                Some(message) => f.debug_tuple("Panicked").field(&message).finish(),
                None => f.write_str("Panicked(..)"),
            },
            JoinError::Cancelled => f.write_str("Cancelled"),
        }
    }
}

impl std::error::Error for JoinError {}

impl JoinError {
    /// Whether it was cancelled, and did not panic.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, JoinError::Cancelled)
    }

    /// Whether it panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self, JoinError::Panicked(_))
    }
}

/// What a routine has panicked with.
///
/// # Go
/// What `recover()` returns.
///
/// # Examples
/// ```
/// use rust_routines::routine::{self, JoinError};
///
/// let failed = routine::spawn(|| -> u32 { panic!("no luck") }).join();
/// let Err(JoinError::Panicked(payload)) = failed else { unreachable!() };
/// assert_eq!(payload.message(), Some("no luck"));
/// ```
pub struct PanicPayload(Box<dyn Any + Send>);

// SAFETY: a shared one lends the value only as a type that is `Sync`.
unsafe impl Sync for PanicPayload {}

impl PanicPayload {
    pub(super) fn new(payload: Box<dyn Any + Send>) -> PanicPayload {
        PanicPayload(payload)
    }

    /// The text, if that is what it panicked with: so it is with `panic!("..")`.
    pub fn message(&self) -> Option<&str> {
        self.downcast_ref::<&str>()
            .copied()
            .or(self.downcast_ref::<String>().map(|text| &**text))
    }

    /// Whether the value is a `T`.
    pub fn is<T: Any>(&self) -> bool {
        (*self.0).type_id() == TypeId::of::<T>()
    }

    /// The value, if it is a `T`.
    pub fn downcast_ref<T: Any + Sync>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }

    /// The value, if it is a `T`.
    ///
    /// # Errors
    /// It is not: the payload itself.
    pub fn downcast<T: Any>(self) -> Result<Box<T>, PanicPayload> {
        self.0.downcast().map_err(PanicPayload)
    }

    /// As std's functions take it.
    pub fn into_inner(self) -> Box<dyn Any + Send> {
        self.0
    }

    /// Goes on with the panic here.
    ///
    /// # Panics
    /// Always. The panic hook is not called again.
    pub fn resume(self) -> ! {
        panic::resume_unwind(self.0)
    }
}

impl fmt::Debug for PanicPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message() {
            Some(message) => f.debug_tuple("PanicPayload").field(&message).finish(),
            None => f.write_str("PanicPayload(..)"),
        }
    }
}
