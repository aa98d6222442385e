//! A channel that runs full says so: the callback of `high_water`, and the number of `most_queued`.

use std::sync::{Arc, Mutex};

use rust_routines::channel::{self, Builder, Receiver, Sender};
use rust_routines::routine;
use rust_routines::select;
use rust_routines_tests::watched;

use super::{blocked, look, workers};

/// A channel that notes what its callback is told.
fn noting(
    mark: usize,
    capacity: Option<usize>,
) -> (Sender<u32>, Receiver<u32>, Arc<Mutex<Vec<usize>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let note = told.clone();
    let builder = Builder::new().high_water(mark, move |queued| note.lock().unwrap().push(queued));
    let (sender, receiver) = match capacity {
        Some(capacity) => builder.bounded(capacity),
        None => builder.unbounded(),
    };
    (sender, receiver, told)
}

#[test]
fn it_tells_once_on_the_way_up() {
    watched(|| {
        for capacity in [Some(100), None] {
            let (sender, receiver, told) = noting(10, capacity);
            (0..9).for_each(|i| sender.send(i).unwrap());
            assert_eq!(*told.lock().unwrap(), []);
            (9..50).for_each(|i| sender.try_send(i).unwrap());
            assert_eq!(*told.lock().unwrap(), [10]);
            assert_eq!((sender.most_queued(), receiver.most_queued()), (50, 50));
        }
    });
}

/// Again only after it has been half empty, whether or not anything was sent at that moment.
#[test]
fn it_tells_again_after_it_has_been_half_empty() {
    watched(|| {
        for mark in [1, 2, 3, 10, 11] {
            let (sender, receiver, told) = noting(mark, None);
            let fill = || (receiver.len()..mark).for_each(|_| sender.send(0).unwrap());
            let drain = |to| (to..receiver.len()).for_each(|_| assert!(receiver.recv().is_ok()));
            fill();
            assert_eq!(told.lock().unwrap().len(), 1, "mark {mark}");
            if mark > 2 {
                drain(mark / 2 + 1);
                fill();
                assert_eq!(told.lock().unwrap().len(), 1, "mark {mark}: not half empty");
            }
            drain(mark / 2);
            fill();
            assert_eq!(told.lock().unwrap().len(), 2, "mark {mark}: half empty");
            drain(0);
            fill();
            assert_eq!(told.lock().unwrap().len(), 3, "mark {mark}: empty");
        }
    });
}

/// However a value gets in: by a future, by a select, from a sender that waited.
#[test]
fn it_tells_of_every_way_in() {
    watched(|| {
        workers(1).run(|| {
            let (sender, receiver, told) = noting(2, Some(2));
            let notes = || std::mem::take(&mut *told.lock().unwrap());
            for _ in 0..2 {
                assert!(look(&mut sender.send_async(1)).is_ready());
            }
            assert_eq!(notes(), [2]);
            assert_eq!(receiver.try_iter().count(), 2);
            for _ in 0..2 {
                select! { sent = sender.send(1) => sent.unwrap() }
            }
            assert_eq!(notes(), [2]);
            // It never gets half empty, since who waited moves in.
            let sends = blocked(move || sender.send(3).unwrap());
            assert_eq!(receiver.recv(), Ok(1));
            sends.join().unwrap();
            assert_eq!((notes(), receiver.len()), (vec![2], 2));
        });
    });
}

/// A mark of zero is one of one: a channel that never held anything has not run full.
#[test]
fn a_mark_of_zero_is_one() {
    watched(|| {
        let (sender, receiver, told) = noting(0, None);
        assert_eq!(*told.lock().unwrap(), []);
        sender.send(1).unwrap();
        assert_eq!(*told.lock().unwrap(), [1]);
        assert_eq!(receiver.recv(), Ok(1));
    });
}

/// What goes straight to a receiver was never queued.
#[test]
fn what_is_handed_over_does_not_count() {
    watched(|| {
        workers(1).run(|| {
            let (sender, receiver, told) = noting(1, Some(1));
            let receives = blocked(move || receiver.recv());
            sender.send(1).unwrap();
            assert_eq!(receives.join().unwrap(), Ok(1));
            assert_eq!((told.lock().unwrap().len(), sender.most_queued()), (0, 0));
        });
    });
}

/// The callback runs without a lock of the channel, and may use it.
#[test]
fn the_callback_may_use_the_channel() {
    watched(|| {
        let (drains, to_drain) = channel::bounded::<Receiver<u32>>(1);
        let (sender, receiver) = Builder::new()
            .high_water(5, move |_| {
                let receiver = to_drain.try_recv().unwrap();
                assert_eq!(receiver.try_iter().count(), 5);
            })
            .unbounded();
        drains.send(receiver.clone()).unwrap();
        (0..5).for_each(|i| sender.send(i).unwrap());
        assert_eq!(receiver.len(), 0);
    });
}

/// It must not park; and what was sent before it panics has been sent.
#[test]
fn a_callback_that_parks_is_named() {
    watched(|| {
        let text = workers(1).run(|| {
            let (sender, receiver) = Builder::new()
                .high_water(1, |_| routine::yield_now())
                .bounded(2);
            let sent = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| sender.send(1)));
            let payload = sent.expect_err("a park in the callback");
            assert_eq!(receiver.try_recv(), Ok(1));
            *payload.downcast_ref::<&str>().expect("a text")
        });
        assert!(text.contains("in a callback"), "{text:?}");
    });
}
