//! Errors: they give the value back, say what they mean, and ask nothing of the value.

use std::error::Error;

use rust_routines::channel::{
    RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError,
};

/// Neither `Debug` nor anything else.
struct Opaque(u8);

const CLOSED_SEND: &str = "sending on a channel that is closed or without receivers";
const CLOSED_RECV: &str = "receiving on an empty channel that is closed or without senders";

#[test]
fn values_come_back() {
    assert_eq!(SendError(Opaque(1)).into_inner().0, 1);
    assert_eq!(TrySendError::Full(Opaque(2)).into_inner().0, 2);
    assert_eq!(TrySendError::Disconnected(Opaque(3)).into_inner().0, 3);
    assert_eq!(SendTimeoutError::Timeout(Opaque(4)).into_inner().0, 4);
    assert_eq!(SendTimeoutError::Disconnected(Opaque(5)).into_inner().0, 5);
}

#[test]
fn texts_need_no_debug_of_the_value() {
    let texts = [
        (SendError(Opaque(0)).to_string(), CLOSED_SEND),
        (
            TrySendError::Full(Opaque(0)).to_string(),
            "sending on a full channel",
        ),
        (
            TrySendError::Disconnected(Opaque(0)).to_string(),
            CLOSED_SEND,
        ),
        (
            SendTimeoutError::Timeout(Opaque(0)).to_string(),
            "nothing was sent in time",
        ),
        (
            SendTimeoutError::Disconnected(Opaque(0)).to_string(),
            CLOSED_SEND,
        ),
        (RecvError.to_string(), CLOSED_RECV),
        (
            TryRecvError::Empty.to_string(),
            "receiving on an empty channel",
        ),
        (TryRecvError::Disconnected.to_string(), CLOSED_RECV),
        (
            RecvTimeoutError::Timeout.to_string(),
            "nothing was received in time",
        ),
        (RecvTimeoutError::Disconnected.to_string(), CLOSED_RECV),
    ];
    for (text, expected) in texts {
        assert_eq!(text, expected);
    }
    let debugs = [
        (format!("{:?}", SendError(Opaque(0))), "SendError(..)"),
        (format!("{:?}", TrySendError::Full(Opaque(0))), "Full(..)"),
        (
            format!("{:?}", TrySendError::Disconnected(Opaque(0))),
            "Disconnected(..)",
        ),
        (
            format!("{:?}", SendTimeoutError::Timeout(Opaque(0))),
            "Timeout(..)",
        ),
        (
            format!("{:?}", SendTimeoutError::Disconnected(Opaque(0))),
            "Disconnected(..)",
        ),
        (format!("{RecvError:?}"), "RecvError"),
        (format!("{:?}", TryRecvError::Empty), "Empty"),
        (format!("{:?}", RecvTimeoutError::Timeout), "Timeout"),
    ];
    for (text, expected) in debugs {
        assert_eq!(text, expected);
    }
}

#[test]
fn questions_tell_the_kinds_apart() {
    let (full, gone) = (TrySendError::Full(0), TrySendError::Disconnected(0));
    assert!(full.is_full() && !full.is_disconnected());
    assert!(!gone.is_full() && gone.is_disconnected());
    let (late, gone) = (
        SendTimeoutError::Timeout(0),
        SendTimeoutError::Disconnected(0),
    );
    assert!(late.is_timeout() && !late.is_disconnected());
    assert!(!gone.is_timeout() && gone.is_disconnected());
    let (empty, gone) = (TryRecvError::Empty, TryRecvError::Disconnected);
    assert!(empty.is_empty() && !empty.is_disconnected());
    assert!(!gone.is_empty() && gone.is_disconnected());
    let (late, gone) = (RecvTimeoutError::Timeout, RecvTimeoutError::Disconnected);
    assert!(late.is_timeout() && !late.is_disconnected());
    assert!(!gone.is_timeout() && gone.is_disconnected());
}

/// As `?` uses them: into the wider kinds, and into a boxed error.
#[test]
fn they_convert_and_are_errors() {
    assert_eq!(
        TrySendError::from(SendError(1)),
        TrySendError::Disconnected(1)
    );
    assert_eq!(
        SendTimeoutError::from(SendError(1)),
        SendTimeoutError::Disconnected(1)
    );
    assert_eq!(TryRecvError::from(RecvError), TryRecvError::Disconnected);
    assert_eq!(
        RecvTimeoutError::from(RecvError),
        RecvTimeoutError::Disconnected
    );
    let boxed: Vec<Box<dyn Error + Send + Sync>> = vec![
        SendError(1).into(),
        TrySendError::Full(1).into(),
        SendTimeoutError::Timeout(1).into(),
        RecvError.into(),
        TryRecvError::Empty.into(),
        RecvTimeoutError::Timeout.into(),
    ];
    assert!(boxed.iter().all(|error| error.source().is_none()));
    // Also of a value that is no error, not `'static` and not `Debug`.
    fn is_error<E: Error>(_: E) {}
    is_error(SendError(Opaque(0)));
    is_error(TrySendError::Full(&Opaque(0)));
    is_error(SendTimeoutError::Timeout(&Opaque(0)));
}
