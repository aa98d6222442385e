//! Sends in a select: `send` drops its value when it loses, `send_from` keeps it.

use rust_routines::channel;
use rust_routines::select;
use rust_routines::time::{self, Duration};
use rust_routines_tests::drops::Drops;
use rust_routines_tests::watched;

use super::{blocked, workers};

#[test]
fn a_send_that_loses_drops_its_value_before_the_body() {
    watched(|| {
        for capacity in [0, 1] {
            let drops = Drops::new();
            let (sender, receiver) = channel::bounded(capacity);
            (0..capacity).for_each(|_| sender.send(drops.track()).unwrap());
            // At once, and after a wait in the queue.
            select! {
                _ = sender.send(drops.track()) => panic!("there is no room"),
                default => assert_eq!(drops.alive(), capacity),
            }
            select! {
                _ = sender.send(drops.track()) => panic!("there is no room"),
                _ = sender.send(drops.track()) => panic!("there is no room"),
                time::after(Duration::from_millis(2)) => assert_eq!(drops.alive(), capacity),
            }
            assert_eq!(
                receiver.try_iter().count(),
                capacity,
                "nothing of it is queued"
            );
            assert_eq!((drops.made(), drops.alive()), (3 + capacity, 0));
        }
    });
}

#[test]
fn send_from_takes_its_value_only_if_it_wins() {
    watched(|| {
        let drops = Drops::new();
        let (sender, receiver) = channel::bounded(1);
        sender.send(drops.track()).unwrap();
        let mut slot = Some(drops.track());
        let mut rounds = 0;
        while slot.is_some() {
            rounds += 1;
            select! {
                sent = sender.send_from(&mut slot) => sent.unwrap(),
                time::after(Duration::from_millis(1)) => {
                    assert_eq!(drops.alive(), 2);
                    if rounds == 3 {
                        drop(receiver.recv());
                    }
                }
            }
        }
        assert_eq!((rounds, drops.alive()), (4, 1));
        drop(receiver.recv());
        assert_eq!(drops.alive(), 0);
    });
}

/// With an empty slot the arm is off, open or closed.
#[test]
fn an_empty_slot_is_an_arm_that_is_off() {
    watched(|| {
        let (sender, receiver) = channel::bounded(1);
        let mut slot = None;
        assert_eq!(
            select! { sender.send_from(&mut slot) => 1, default => 2 },
            2
        );
        let late = select! {
            sender.send_from(&mut slot) => 1,
            default(Duration::from_millis(1)) => 2,
        };
        assert_eq!(late, 2);
        assert!(receiver.close());
        assert_eq!(
            select! { sender.send_from(&mut slot) => 1, default => 2 },
            2
        );
        slot = Some(1);
        assert_eq!(
            select! { sender.send_from(&mut slot) => 1, default => 2 },
            1
        );
    });
}

/// B4: a select that waits hands its value to whoever receives, and takes it from whoever sends.
#[test]
fn b4_a_waiting_select_is_a_rendezvous() {
    watched(|| {
        workers(1).run(|| {
            for from_slot in [true, false] {
                let (sender, receiver) = channel::bounded(0);
                let never = channel::never::<u32>();
                let sends = blocked(move || {
                    let mut slot = Some(7);
                    select! {
                        sent = sender.send_from(&mut slot), if from_slot => sent.is_ok() && slot.is_none(),
                        sent = sender.send(7), if !from_slot => sent.is_ok(),
                        never.recv() => false,
                    }
                });
                assert!(!sends.is_finished());
                assert_eq!(receiver.try_recv(), Ok(7));
                assert!(receiver.try_recv().is_err());
                assert!(sends.join().unwrap());
                let (sender, receiver) = channel::bounded(0);
                let never = channel::never::<u32>();
                let receives = blocked(move || {
                    select! { value = receiver.recv() => value, value = never.recv() => value }
                });
                assert_eq!(sender.try_send(8), Ok(()));
                assert_eq!(sender.try_send(9).unwrap_err().into_inner(), 9);
                assert_eq!(receives.join().unwrap(), Ok(8));
            }
        });
    });
}

/// B5: a select stands in the queue like any other, in its place.
#[test]
fn b5_selects_and_plain_calls_stand_in_one_queue() {
    watched(|| {
        workers(1).run(|| {
            for capacity in [0, 1] {
                let (sender, receiver) = channel::bounded(capacity);
                (0..capacity).for_each(|_| sender.send(100).unwrap());
                let sends: Vec<_> = (0..9_u32)
                    .map(|i| {
                        let sender = sender.clone();
                        let never = channel::never::<u32>();
                        let mut slot = Some(i);
                        blocked(move || match i % 3 {
                            0 => assert!(sender.send(i).is_ok()),
                            1 => select! { sent = sender.send(i) => sent.unwrap(), never.recv() => unreachable!() },
                            _ => select! { never.recv() => unreachable!(), sent = sender.send_from(&mut slot) => sent.unwrap() },
                        })
                    })
                    .collect();
                let expected = std::iter::repeat_n(100, capacity).chain(0..9);
                assert!(expected.eq(receiver.iter().take(9 + capacity)));
                for send in sends {
                    send.join().unwrap();
                }
                let receives: Vec<_> = (0..6)
                    .map(|i| {
                        let receiver = receiver.clone();
                        let never = channel::never::<u32>();
                        blocked(move || match i % 2 {
                            0 => receiver.recv(),
                            _ => select! { value = receiver.recv() => value, value = never.recv() => value },
                        })
                    })
                    .collect();
                (0..6).for_each(|i| sender.send(i).unwrap());
                for (receive, i) in receives.into_iter().zip(0..) {
                    assert_eq!(receive.join().unwrap(), Ok(i));
                }
            }
        });
    });
}
