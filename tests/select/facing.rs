//! Selects that face each other or themselves: both directions of one channel in one select.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rust_routines::channel::{self, Receiver, Sender, TryRecvError, TrySendError};
use rust_routines::runtime::Runtime;
use rust_routines::select;
use rust_routines::time::Duration;
use rust_routines_tests::watched;

use super::{blocked, workers};

#[derive(PartialEq, Eq, Debug)]
enum Did {
    Sent(u32),
    Received(u32),
}

fn either(sender: &Sender<u32>, receiver: &Receiver<u32>, value: u32) -> Did {
    select! {
        sent = sender.send(value) => { sent.unwrap(); Did::Sent(value) }
        got = receiver.recv() => Did::Received(got.unwrap()),
    }
}

/// B15: it never meets itself.
#[test]
fn b15_a_select_does_not_take_its_own_value() {
    watched(|| {
        let (sender, receiver) = channel::bounded(0);
        for _ in 0..100 {
            let met = select! {
                sender.send(1) => true,
                receiver.recv() => true,
                sender.send(2) => true,
                default(Duration::from_micros(50)) => false,
            };
            assert!(!met);
        }
        assert_eq!(
            select! { sender.send(1) => 1, receiver.recv() => 2, default => 3 },
            3
        );
    });
}

/// One that waits in both directions is met by each plain call of the other side.
#[test]
fn a_select_in_both_directions_meets_plain_calls() {
    watched(|| {
        workers(1).run(|| {
            for how in 0..6 {
                let (sender, receiver) = channel::bounded(0);
                let (of_s, of_r) = (sender.clone(), receiver.clone());
                let waits = blocked(move || either(&of_s, &of_r, 1));
                assert!(!waits.is_finished());
                let expected = match how {
                    0 => {
                        assert_eq!(receiver.recv(), Ok(1));
                        Did::Sent(1)
                    }
                    1 => {
                        assert_eq!(receiver.try_recv(), Ok(1));
                        Did::Sent(1)
                    }
                    2 => {
                        assert_eq!(sender.send(2), Ok(()));
                        Did::Received(2)
                    }
                    3 => {
                        assert_eq!(sender.try_send(2), Ok(()));
                        Did::Received(2)
                    }
                    4 => {
                        let got = receiver.recv_timeout(Duration::from_secs(5));
                        assert_eq!(got, Ok(1));
                        Did::Sent(1)
                    }
                    _ => match either(&sender, &receiver, 2) {
                        Did::Sent(2) => Did::Received(2),
                        Did::Received(1) => Did::Sent(1),
                        other => panic!("{other:?}"),
                    },
                };
                assert_eq!(waits.join().unwrap(), expected, "case {how}");
                assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
                assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
            }
        });
    });
}

/// The same, with the plain call asleep when the select comes.
#[test]
fn a_select_in_both_directions_meets_those_who_wait() {
    watched(|| {
        workers(1).run(|| {
            for sends in [true, false] {
                let (sender, receiver) = channel::bounded(0);
                let (of_s, of_r) = (sender.clone(), receiver.clone());
                let waits = blocked(move || match sends {
                    true => of_s.send(5).map(|()| 0),
                    false => of_r.recv().map_err(|_| channel::SendError(0)),
                });
                let did = either(&sender, &receiver, 1);
                let expected = if sends {
                    Did::Received(5)
                } else {
                    Did::Sent(1)
                };
                assert_eq!(did, expected);
                assert_eq!(waits.join().unwrap(), Ok(u32::from(!sends)));
            }
        });
    });
}

/// Sums of what was sent and received by many selects that each do both: equal in the end.
fn many_facing(runtime: &Runtime, capacity: usize, threads: bool) {
    const SIDES: u64 = 6;
    const TURNS: u64 = 300;
    let (sender, receiver) = channel::bounded(capacity);
    let sums = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let counts = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let work = |side: u64| {
        let (sender, receiver) = (sender.clone(), receiver.clone());
        let (sums, counts) = (sums.clone(), counts.clone());
        move || {
            for turn in 0..TURNS {
                let value = side * TURNS + turn;
                let (what, value) = select! {
                    sent = sender.send(value) => { sent.unwrap(); (0, value) }
                    got = receiver.recv() => (1, got.unwrap()),
                    got = receiver.recv() => (1, got.unwrap()),
                };
                sums[what].fetch_add(value, Ordering::Relaxed);
                counts[what].fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    let routines: Vec<_> = (0..SIDES).map(|side| runtime.spawn(work(side))).collect();
    let threads: Vec<_> = (0..if threads { 2 } else { 0 })
        .map(|side| std::thread::spawn(work(SIDES + side)))
        .collect();
    // Those who are left without a partner get one here, until all have had their turns.
    let all = TURNS * (SIDES + threads.len() as u64);
    let (mut sent, mut received) = (0, 0);
    let done = || counts[0].load(Ordering::Relaxed) + counts[1].load(Ordering::Relaxed) == all;
    while !done() {
        if receiver
            .recv_timeout(Duration::from_micros(200))
            .is_ok_and(|value| {
                received += value;
                true
            })
        {
            continue;
        }
        if sender.send_timeout(7, Duration::from_micros(200)).is_ok() {
            sent += 7;
        }
    }
    for routine in routines {
        routine.join().unwrap();
    }
    for thread in threads {
        thread.join().unwrap();
    }
    received += receiver.try_iter().sum::<u64>();
    let of_sends = sums[0].load(Ordering::Relaxed) + sent;
    let of_receives = sums[1].load(Ordering::Relaxed) + received;
    assert_eq!(of_sends, of_receives, "capacity {capacity}");
}

/// B15: exactly one arm of each takes effect, on 1, 2 and 4 workers and with threads.
#[test]
fn b15_many_selects_that_both_send_and_receive() {
    watched(|| {
        for workers_of in [1, 2, 4] {
            let runtime = workers(workers_of);
            for capacity in [0, 1, 3] {
                for threads in [false, true] {
                    many_facing(&runtime, capacity, threads);
                }
            }
        }
    });
}

/// Two selects over the same two channels, in opposite directions: they always find each other.
#[test]
fn two_selects_swap_over_two_channels() {
    const TURNS: u64 = 5000;
    watched(|| {
        for workers_of in [1, 2] {
            let runtime = workers(workers_of);
            let (a, of_a) = channel::bounded(0);
            let (b, of_b) = channel::bounded(0);
            let one = runtime.spawn(move || {
                (0..TURNS).fold((0, 0), |(sent, got), i| {
                    select! {
                        r = a.send(i) => { r.unwrap(); (sent + i, got) }
                        v = of_b.recv() => (sent, got + v.unwrap()),
                    }
                })
            });
            let other = runtime.spawn(move || {
                (0..TURNS).fold((0, 0), |(sent, got), i| {
                    select! {
                        r = b.send(i) => { r.unwrap(); (sent + i, got) }
                        v = of_a.recv() => (sent, got + v.unwrap()),
                    }
                })
            });
            let (sent, got) = one.join().unwrap();
            assert_eq!(other.join().unwrap(), (got, sent));
        }
    });
}
