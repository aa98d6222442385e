//! `select!` from a crate that knows it under another name, in the hands of a user who refuses every
//! warning and names variables as the macro's expansion does.
#![forbid(unsafe_code)]
#![deny(warnings, unused, clippy::all)]

use routines::time::{self, Duration};
use routines::{channel, select};
use rust_routines_ui::first_of;
use rust_routines_ui::tools::{self, choose};

#[test]
fn through_a_renamed_dependency() {
    let (tx, rx) = channel::bounded(1);
    let sent = select! { sent = tx.send(1) => sent, default => Ok(()) };
    assert_eq!(sent, Ok(()));
    assert_eq!(select! { value = rx.recv() => value }, Ok(1));
    assert_eq!(routines::select! { _ = rx.recv() => 1, default => 2 }, 2);
}

#[test]
fn through_a_re_export() {
    let (tx, rx) = tools::channel::bounded(1);
    tx.send(5).unwrap();
    let value = choose! {
        value = rx.recv() => value.map(|n| choose! { _ = rx.recv() => 0, default => n }),
        _ = tools::time::after(Duration::from_secs(60)) => Ok(0),
    };
    assert_eq!(value, Ok(5));
    assert_eq!(
        rust_routines_ui::tools::choose! { rx.recv() => 1, default => 2 },
        2
    );
}

#[test]
fn through_a_macro_of_another_crate() {
    let (tx, rx) = channel::bounded(1);
    let never = channel::never();
    tx.send("text").unwrap();
    assert_eq!(first_of!(never, rx), Ok("text"));
    let value = "kept";
    drop(tx);
    assert_eq!(first_of!(never, rx), Err(channel::RecvError));
    assert_eq!(value, "kept");
}

/// The names of the expansion are its own.
#[test]
fn names_do_not_collide() {
    let (tx, rx) = channel::bounded(3);
    let (chosen, limit, place_0, place_1, output_0, output_1) = (1, 2, 3, 4, 5, 6);
    let got = select! {
        sent = tx.send(chosen + place_0), if limit == 2 => {
            sent.unwrap();
            (chosen, limit, place_0, place_1, output_0, output_1)
        }
        output_1 = rx.recv() => (output_1.unwrap(), 0, 0, 0, 0, 0),
        default(Duration::from_nanos(limit)) => (chosen, 0, place_1, 0, output_0, 0),
    };
    assert_eq!(got, (1, 2, 3, 4, 5, 6));
    let chosen = select! { output_0 = rx.recv() => output_0.map(|place_1| place_1 + chosen) };
    assert_eq!(chosen, Ok(5));
    // Names that the user may have given a meaning of their own.
    struct Some;
    struct None;
    #[expect(dead_code, reason = "only their names matter")]
    fn drop() -> (Some, None) {
        (Some, None)
    }
    #[expect(dead_code, reason = "only their names matter")]
    enum Result {
        Ok,
        Err,
    }
    assert!(select! { rx.recv() => false, default => true });
}

/// As a user writes who never looks at what it expands to: nothing of it is warned of.
#[test]
fn nothing_is_warned_of() {
    let (tx, rx) = channel::bounded(1);
    let mut slot = Some(2);
    let mut sum = 0;
    for on in [true, false] {
        let n: i32 = select! {
            value = rx.recv() => { value.unwrap_or_default() }
            _ = tx.send(1), if on => { 1 }
            _ = tx.send_from(&mut slot) => { 2 },
            time::after(Duration::from_secs(1)), if !on => 3,
            rx.recv() => { return }
            default => { 4 }
        };
        sum += n;
    }
    assert!(sum > 0);
    select! { rx.recv() => {}, default(Duration::ZERO) => {} }
    select! { _ = rx.recv() => (), default => () };
    let never = || select::future(std::future::pending::<std::convert::Infallible>());
    select! {
        _ = never() => {}
        Ok(n) | Err(n) = select::future(std::future::ready(Err::<i32, i32>(1))) => { sum = n }
        (_, n): (i32, i32) = select::future(std::future::pending()) => { sum = n }
        value: Result<i32, channel::RecvError> = (rx.recv_arm()) => sum = value.unwrap_or(1),
    }
    assert_eq!(sum, 1);
    for i in 0.. {
        select! { _ = rx.recv() => continue, default => { if i == 3 { break } } }
    }
}
