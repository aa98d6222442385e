//! Every value is dropped exactly once: received or not, sent or not.

use std::panic::{self, AssertUnwindSafe};

use rust_routines::channel;
use rust_routines::routine;
use rust_routines::time::Duration;
use rust_routines_tests::drops::Drops;
use rust_routines_tests::{eventually, watched};

use super::{PAIRS, start, workers};

#[test]
fn received_values_belong_to_the_receiver() {
    watched(|| {
        let runtime = workers(2);
        for capacity in [0, 1, 10] {
            for (sending, receiving) in PAIRS {
                let drops = Drops::new();
                let (sender, receiver) = channel::bounded(capacity);
                let of_sender = drops.clone();
                let sends = start(&runtime, sending, move || {
                    (0..200).for_each(|_| sender.send(of_sender.track()).unwrap());
                });
                let receives = start(&runtime, receiving, move || {
                    std::iter::from_fn(|| receiver.recv().ok()).collect::<Vec<_>>()
                });
                sends.join();
                let received = receives.join();
                assert_eq!((received.len(), drops.dropped()), (200, 0));
                drop(received);
                assert_eq!(drops.alive(), 0);
            }
        }
    });
}

#[test]
fn buffered_values_are_dropped_with_the_last_receiver() {
    watched(|| {
        let drops = Drops::new();
        let (sender, receiver) = channel::bounded(10);
        (0..10).for_each(|_| sender.send(drops.track()).unwrap());
        let other = receiver.clone();
        drop(receiver);
        assert_eq!(drops.dropped(), 0);
        drop(other);
        assert_eq!(
            drops.dropped(),
            10,
            "at once: nobody can receive them any more"
        );
        drop(sender);
        let (sender, receiver) = channel::unbounded();
        (0..100).for_each(|_| sender.send(drops.track()).unwrap());
        drop(sender);
        drop(receiver.recv());
        drop(receiver);
        assert_eq!((drops.made(), drops.alive()), (110, 0));
    });
}

#[test]
fn values_of_blocked_senders_come_back() {
    watched(|| {
        let runtime = workers(2);
        let drops = Drops::new();
        let (sender, receiver) = channel::bounded(2);
        let sends: Vec<_> = (0..50)
            .map(|_| {
                let (sender, tracked) = (sender.clone(), drops.track());
                runtime.spawn(move || sender.send(tracked))
            })
            .collect();
        eventually("the buffer is full", || {
            sends.iter().filter(|send| send.is_finished()).count() == 2
        });
        drop(receiver);
        let back = sends
            .into_iter()
            .filter_map(|send| send.join().unwrap().err())
            .collect::<Vec<_>>();
        assert_eq!((back.len(), drops.dropped()), (48, 2));
        drop(back);
        assert_eq!(drops.alive(), 0);
    });
}

/// Cancelled while blocked: a sender's value goes with its stack.
#[test]
fn values_of_cancelled_senders_are_dropped() {
    watched(|| {
        let runtime = workers(2);
        let drops = Drops::new();
        let (sender, receiver) = channel::bounded(3);
        for _ in 0..50 {
            let (sender, tracked) = (sender.clone(), drops.track());
            runtime.spawn(move || drop(sender.send(tracked)));
        }
        eventually("the others are blocked", || runtime.metrics().live() == 47);
        drop(runtime);
        assert_eq!(drops.dropped(), 47);
        // The channel is as it was: what was sent is there, and nobody is in its lists.
        for _ in 0..3 {
            drop(receiver.recv().unwrap());
        }
        assert_eq!(drops.alive(), 0);
        let empty = receiver.recv_timeout(Duration::from_millis(1));
        assert!(matches!(empty, Err(channel::RecvTimeoutError::Timeout)));
        drop(receiver);
        assert!(sender.send(drops.track()).is_err());
    });
}

/// A value whose destructor uses the channel, and one whose destructor parks: no lock is held.
#[test]
fn destructors_of_buffered_values_may_use_channels() {
    struct Sends(channel::Sender<u32>);
    impl Drop for Sends {
        fn drop(&mut self) {
            routine::yield_now();
            self.0.send(7).unwrap();
        }
    }
    watched(|| {
        let runtime = workers(1);
        let (note, notes) = channel::unbounded();
        runtime.run(move || {
            let (sender, receiver) = channel::bounded(5);
            (0..5).for_each(|_| assert!(sender.send(Sends(note.clone())).is_ok()));
            drop(receiver);
            drop(sender);
        });
        assert_eq!(std::iter::from_fn(|| notes.recv().ok()).count(), 5);
    });
}

/// A destructor that panics while the others are dropped: they are dropped all the same.
#[test]
fn a_destructor_that_panics_does_not_keep_the_others() {
    struct Panics(
        #[expect(dead_code, reason = "held for its destructor")]
        rust_routines_tests::drops::Tracked,
    );
    impl Drop for Panics {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic::resume_unwind(Box::new("in a value"));
            }
        }
    }
    watched(|| {
        let drops = Drops::new();
        let (sender, receiver) = channel::bounded(5);
        (0..5).for_each(|_| assert!(sender.send(Panics(drops.track())).is_ok()));
        let thrown = panic::catch_unwind(AssertUnwindSafe(|| drop(receiver)));
        assert!(thrown.is_err());
        assert_eq!(drops.alive(), 0);
        let sent = panic::catch_unwind(AssertUnwindSafe(|| {
            sender.send(Panics(drops.track())).is_err()
        }));
        assert!(sent.is_err(), "the value came back and was dropped here");
        assert_eq!(drops.alive(), 0);
    });
}
