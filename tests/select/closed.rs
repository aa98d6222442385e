//! Closed channels in a select: their arms are ready, with what is left or with an error.

use rust_routines::channel::{self, RecvError, SendError};
use rust_routines::select;
use rust_routines::time::Duration;
use rust_routines_tests::drops::Drops;
use rust_routines_tests::watched;

use super::{blocked, workers};

/// B3: what is buffered first, then for ever the error.
#[test]
fn b3_receives_of_a_closed_channel_are_ready() {
    watched(|| {
        let (sender, receiver) = channel::bounded(3);
        sender.send(1).unwrap();
        sender.send(2).unwrap();
        drop(sender);
        let never = channel::never::<u32>();
        let next = || select! { value = receiver.recv() => value, never.recv() => unreachable!() };
        let values = [next(), next(), next(), next()];
        assert_eq!(values, [Ok(1), Ok(2), Err(RecvError), Err(RecvError)]);
        assert_eq!(
            select! { value = receiver.recv() => value, default => Ok(9) },
            Err(RecvError)
        );
    });
}

/// A send to a closed channel is ready with its value, and does not panic (B14 is Go's).
#[test]
fn sends_to_a_closed_channel_are_ready_with_their_value() {
    watched(|| {
        for capacity in [0, 1] {
            let (sender, receiver) = channel::bounded(capacity);
            drop(receiver);
            let sent = select! { sent = sender.send("mine") => sent, default => Ok(()) };
            assert_eq!(sent, Err(SendError("mine")));
            let mut slot = Some("kept");
            let sent = select! { sent = sender.send_from(&mut slot) => sent };
            assert_eq!((sent, slot), (Err(SendError(())), Some("kept")));
        }
    });
}

/// B3, B15: a close wakes a select that waits, whichever arm it is, and whoever closes.
#[test]
fn b3_a_close_wakes_a_waiting_select() {
    watched(|| {
        workers(1).run(|| {
            for capacity in [0, 2] {
                for which in 0..3 {
                    let drops = Drops::new();
                    let (a, of_a) = channel::bounded::<u32>(capacity);
                    let (b, of_b) = channel::bounded(capacity);
                    let (c, of_c) = channel::bounded(capacity);
                    (0..capacity).for_each(|_| b.send(drops.track()).unwrap());
                    (0..capacity).for_each(|_| c.send(0).unwrap());
                    let (tracked, close_b, close_c) = (drops.track(), b.clone(), c.clone());
                    let waits = blocked(move || {
                        let mut slot = Some(5);
                        let chosen = select! {
                            value = of_a.recv() => { assert_eq!(value, Err(RecvError)); 0 }
                            sent = b.send(tracked) => { assert!(sent.is_err()); 1 }
                            sent = c.send_from(&mut slot) => { assert!(sent.is_err()); 2 }
                        };
                        assert_eq!(slot, Some(5));
                        chosen
                    });
                    assert!(!waits.is_finished());
                    let closed = match which {
                        0 => a.close(),
                        1 => close_b.close(),
                        _ => close_c.close(),
                    };
                    assert!(closed);
                    assert_eq!(waits.join().unwrap(), which);
                    assert_eq!(drops.alive(), capacity, "the value has gone in any case");
                    drop((of_b, close_b));
                    assert_eq!(drops.alive(), 0);
                    drop(of_c);
                }
            }
        });
    });
}

/// All of its channels are closed at once, by one who holds all the ends: it is woken once.
#[test]
fn all_arms_close_under_a_waiting_select() {
    watched(|| {
        let runtime = workers(2);
        for _ in 0..500 {
            let ends: Vec<_> = (0..4).map(|_| channel::bounded::<u32>(0)).collect();
            let (senders, receivers): (Vec<_>, Vec<_>) = ends.into_iter().unzip();
            let waits = runtime.spawn(move || {
                let [a, b, c, d] = &receivers[..] else {
                    unreachable!()
                };
                select! {
                    value = a.recv() => value,
                    value = b.recv() => value,
                    value = c.recv() => value,
                    value = d.recv() => value,
                }
            });
            let closes: Vec<_> = senders
                .into_iter()
                .map(|sender| runtime.spawn(move || drop(sender)))
                .collect();
            assert_eq!(waits.join().unwrap(), Err(RecvError));
            for close in closes {
                close.join().unwrap();
            }
        }
    });
}

/// The loop that Go's programs write with a nil channel: an arm is turned off when its channel is done.
#[test]
fn b1_an_arm_is_turned_off_with_never_or_with_a_guard() {
    watched(|| {
        let runtime = workers(2);
        let send = |values: std::ops::Range<u32>| {
            let (sender, receiver) = channel::bounded(1);
            runtime.spawn(move || values.for_each(|i| sender.send(i).unwrap()));
            receiver
        };
        let (mut a, b) = (send(0..100), send(100..200));
        let (mut sum, mut open, mut b_open) = (0, 2, true);
        while open > 0 {
            select! {
                value = a.recv() => match value {
                    Ok(value) => sum += value,
                    Err(RecvError) => {
                        a = channel::never();
                        open -= 1;
                    }
                },
                value = b.recv(), if b_open => match value {
                    Ok(value) => sum += value,
                    Err(RecvError) => {
                        b_open = false;
                        open -= 1;
                    }
                },
                default(Duration::from_secs(30)) => panic!("one of them is ready"),
            }
        }
        assert_eq!(sum, 199 * 100);
    });
}

/// A loop whose select never has to wait - its send arm stays ready, with an error that it ignores - lets
/// the others go on, on one worker too.
#[test]
fn a_loop_around_an_arm_that_stays_ready_starves_nobody() {
    watched(|| {
        workers(1).run(|| {
            let (sender, receiver) = channel::bounded(0);
            let (stop, stopped) = channel::bounded::<()>(0);
            drop(receiver);
            let generator = blocked(move || {
                loop {
                    select! {
                        _ = sender.send(1) => {}
                        _ = stopped.recv() => break,
                    }
                }
            });
            stop.send(()).unwrap();
            generator.join().unwrap();
        });
    });
}

#[test]
fn never_cannot_be_closed() {
    let never = channel::never::<u32>();
    let other = never.clone();
    assert!(!never.close());
    drop(never);
    assert!(!other.is_closed());
    assert_eq!(select! { _ = other.recv() => 1, default => 2 }, 2);
}
