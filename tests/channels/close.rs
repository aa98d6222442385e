//! The last end of a side is dropped: what the other side sees, blocked or not.

use std::error::Error;
use std::process::Command;

use rust_routines::channel::{self, RecvError, RecvTimeoutError, SendError};
use rust_routines::routine;
use rust_routines::time::Duration;
use rust_routines_tests::{LIMIT, process, watched};

use super::{On, blocked, start, workers};

#[test]
fn what_is_buffered_is_received_after_the_senders_have_gone() {
    watched(|| {
        let (sender, receiver) = channel::bounded(5);
        let other = sender.clone();
        (0..3).for_each(|i| sender.send(i).unwrap());
        drop(sender);
        other.send(3).unwrap();
        drop(other);
        for i in 0..4 {
            assert_eq!(receiver.recv(), Ok(i));
        }
        assert_eq!(receiver.recv(), Err(RecvError));
        assert_eq!(receiver.recv(), Err(RecvError), "and it stays so");
        assert_eq!(
            receiver.recv_timeout(LIMIT),
            Err(RecvTimeoutError::Disconnected)
        );
    });
}

#[test]
fn a_send_without_receivers_gives_the_value_back() {
    watched(|| {
        for capacity in [0, 3] {
            let (sender, receiver) = channel::bounded(capacity);
            let other = receiver.clone();
            drop(receiver);
            drop(other);
            let error = sender.send("mine".to_string()).unwrap_err();
            assert_eq!(error.0, "mine");
            assert!(
                sender.clone().send(String::new()).is_err(),
                "for clones too"
            );
        }
        let (sender, receiver) = channel::unbounded();
        drop(receiver);
        assert_eq!(sender.send(4).unwrap_err().0, 4);
    });
}

#[test]
fn blocked_receivers_are_woken() {
    watched(|| {
        let runtime = workers(2);
        for on in [On::Routine, On::Thread] {
            let (sender, receiver) = channel::bounded::<u32>(0);
            let others = [sender.clone(), sender];
            let waiting: Vec<_> = (0..20)
                .map(|i| {
                    let receiver = receiver.clone();
                    start(&runtime, on, move || match i % 2 {
                        0 => receiver.recv(),
                        _ => receiver.recv_timeout(LIMIT).map_err(|error| {
                            assert_eq!(error, RecvTimeoutError::Disconnected);
                            RecvError
                        }),
                    })
                })
                .collect();
            runtime.run(routine::yield_now);
            drop(others);
            for waiting in waiting {
                assert_eq!(waiting.join(), Err(RecvError));
            }
        }
    });
}

#[test]
fn blocked_senders_are_woken_and_have_their_values_back() {
    watched(|| {
        let runtime = workers(2);
        for on in [On::Routine, On::Thread] {
            for capacity in [0, 2] {
                let (sender, receiver) = channel::bounded(capacity);
                let waiting: Vec<_> = (0..20)
                    .map(|i| {
                        let sender = sender.clone();
                        start(&runtime, on, move || (i, sender.send(i)))
                    })
                    .collect();
                // Some of them block; with a buffer, two find room first.
                runtime.run(|| (0..5).for_each(|_| routine::yield_now()));
                drop(receiver);
                let mut sent = 0;
                for waiting in waiting {
                    match waiting.join() {
                        (_, Ok(())) => sent += 1,
                        (i, Err(SendError(value))) => assert_eq!(value, i),
                    }
                }
                assert!(sent <= capacity, "{sent} were sent to nobody");
            }
        }
    });
}

/// A clone keeps its side open, wherever the others are dropped.
#[test]
fn a_clone_keeps_its_side_open() {
    watched(|| {
        let runtime = workers(2);
        let (sender, receiver) = channel::bounded(0);
        let clones: Vec<_> = (0..100).map(|_| sender.clone()).collect();
        let dropping: Vec<_> = clones
            .into_iter()
            .map(|clone| runtime.spawn(move || drop(clone)))
            .collect();
        for dropping in dropping {
            dropping.join().unwrap();
        }
        let receives = runtime.spawn(move || receiver.recv());
        sender.send(1).unwrap();
        assert_eq!(receives.join().unwrap(), Ok(1));
    });
}

/// The last sender goes while a receiver is about to block, over and over.
#[test]
fn closing_races_with_blocking() {
    watched(|| {
        let runtime = workers(2);
        for i in 0..2000_u64 {
            let (sender, receiver) = channel::bounded::<u64>(0);
            let closes = runtime.spawn(move || {
                (0..i % 50).for_each(|_| std::hint::spin_loop());
                drop(sender);
            });
            let receives = runtime.spawn(move || receiver.recv());
            assert_eq!(receives.join().unwrap(), Err(RecvError));
            closes.join().unwrap();
        }
        for i in 0..2000_u64 {
            let (sender, receiver) = channel::bounded(0);
            let closes = runtime.spawn(move || {
                (0..i % 50).for_each(|_| std::hint::spin_loop());
                drop(receiver);
            });
            let sends = runtime.spawn(move || sender.send(i));
            assert_eq!(sends.join().unwrap(), Err(SendError(i)));
            closes.join().unwrap();
        }
    });
}

#[test]
fn errors_say_what_they_mean_and_ask_nothing_of_the_value() {
    struct Opaque;
    let (sender, receiver) = channel::bounded::<Opaque>(0);
    let timeout = receiver.recv_timeout(Duration::from_millis(1));
    let Err(timeout) = timeout else {
        panic!("nobody has sent anything");
    };
    drop(receiver);
    let error = sender.send(Opaque).map_err(|error| {
        let text = error.to_string();
        assert!(text.contains("without receivers"), "{text}");
        let debug = format!("{error:?}");
        assert_eq!(debug, "SendError(..)");
        error
    });
    // Needs `Debug` of the error, and none of the value.
    let SendError(Opaque) = error.unwrap_err();
    assert_eq!(timeout, RecvTimeoutError::Timeout);
    assert_eq!(timeout.to_string(), "nothing was received in time");
    assert!(RecvError.to_string().contains("without senders"));
    assert_eq!(
        RecvTimeoutError::Disconnected.to_string(),
        RecvError.to_string()
    );
    assert_eq!(
        RecvTimeoutError::from(RecvError),
        RecvTimeoutError::Disconnected
    );
    fn is_error(_: &(dyn Error + Send + Sync)) {}
    is_error(&SendError(1));
    is_error(&RecvError);
    is_error(&RecvTimeoutError::Timeout);
    let (sender, receiver) = channel::bounded::<Opaque>(0);
    assert!(format!("{sender:?} {receiver:?}").contains("Sender"));
}

/// In a child, which an abort would end: a thread-local is destroyed after those that it has used.
#[test]
fn a_thread_locals_destructor_may_block() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_scenario"));
    let ended = process::run(child.arg("block-at-thread-exit")).success();
    assert_eq!(ended.value("thread"), "Err(Timeout)");
    assert_eq!(ended.value("worker"), "Err(Timeout)");
}

/// A close wakes some at a time; it wakes them all.
#[test]
fn a_close_wakes_all_who_wait() {
    watched(|| {
        workers(1).run(|| {
            let (sender, receiver) = channel::bounded::<u32>(0);
            let receives: Vec<_> = (0..100)
                .map(|_| {
                    let receiver = receiver.clone();
                    blocked(move || receiver.recv())
                })
                .collect();
            sender.close();
            for receive in receives {
                assert_eq!(receive.join().unwrap(), Err(RecvError));
            }
            let (sender, receiver) = channel::bounded(0);
            let sends: Vec<_> = (0..100)
                .map(|i| {
                    let sender = sender.clone();
                    blocked(move || sender.send(i))
                })
                .collect();
            receiver.close();
            for (i, send) in sends.into_iter().enumerate() {
                assert_eq!(send.join().unwrap(), Err(SendError(i)));
            }
        });
    });
}
