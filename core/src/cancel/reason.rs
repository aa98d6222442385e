//! Why a token was cancelled.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

/// Why a [`CancelToken`](super::CancelToken) was cancelled; the same for all below it.
///
/// # Go
/// `ctx.Err()` and `context.Cause(ctx)` in one.
#[derive(Clone)]
pub struct Reason {
    is_deadline: bool,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl Reason {
    pub(super) const CANCELLED: Reason = Reason {
        is_deadline: false,
        cause: None,
    };

    pub(super) const DEADLINE: Reason = Reason {
        is_deadline: true,
        cause: None,
    };

    pub(super) fn because(cause: Box<dyn Error + Send + Sync>) -> Reason {
        match cause.downcast::<Reason>() {
            Ok(reason) => *reason,
            Err(cause) => Reason {
                is_deadline: false,
                cause: Some(cause.into()),
            },
        }
    }

    /// Whether its deadline has passed; else somebody has cancelled it.
    ///
    /// # Go
    /// `ctx.Err() == context.DeadlineExceeded`, and not `context.Canceled`.
    pub fn is_deadline(&self) -> bool {
        self.is_deadline
    }

    /// What was given to [`cancel_because`](super::CancelToken::cancel_because).
    ///
    /// # Go
    /// `context.Cause(ctx)`.
    pub fn cause(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.cause.as_deref()
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) => write!(f, "cancelled: {cause}"),
            None if self.is_deadline => f.write_str("the deadline has passed"),
            None => f.write_str("cancelled"),
        }
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reason({self})")
    }
}

impl Error for Reason {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

impl From<Reason> for io::Error {
    /// Of the kind `TimedOut` for a deadline, else `Other`: what is `Interrupted` is tried again by many.
    fn from(reason: Reason) -> io::Error {
        let kind = match reason.is_deadline {
            true => io::ErrorKind::TimedOut,
            false => io::ErrorKind::Other,
        };
        io::Error::new(kind, reason)
    }
}
