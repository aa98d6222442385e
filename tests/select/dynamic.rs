//! `Select`: a number of arms that is known at run time only.

use std::time::Instant as StdInstant;

use rust_routines::channel::{self, Receiver, RecvError, Sender};
use rust_routines::routine;
use rust_routines::select::{self, Arm, Select};
use rust_routines::time::{self, Duration, Instant};
use rust_routines_tests::drops::Drops;
use rust_routines_tests::{LIMIT, watched};

use super::{blocked, workers};

fn channels(n: usize, capacity: usize) -> (Vec<Sender<usize>>, Vec<Receiver<usize>>) {
    (0..n).map(|_| channel::bounded(capacity)).unzip()
}

fn over(receivers: &[Receiver<usize>]) -> Select<'_, Result<usize, RecvError>> {
    let mut select = Select::new();
    for (i, receiver) in receivers.iter().enumerate() {
        assert_eq!(select.add(receiver.recv_arm()), i);
    }
    select
}

/// B15: over a thousand receivers: values that are there, and values that come, each received once.
#[test]
fn b15_a_thousand_receivers() {
    watched(|| {
        let runtime = workers(2);
        let (senders, receivers) = channels(1000, 1);
        for ready in [0, 500, 999] {
            senders[ready].send(ready).unwrap();
            assert_eq!(over(&receivers).wait(), (ready, Ok(ready)));
        }
        let sums = runtime.spawn(move || {
            let mut counts = vec![0; 1000];
            for _ in 0..3000 {
                let (number, value) = over(&receivers).wait();
                assert_eq!(value, Ok(number));
                counts[number] += 1;
            }
            assert!(over(&receivers).try_wait().is_none());
            counts
        });
        let sends: Vec<_> = (0..3_usize)
            .map(|start| {
                let senders = senders.clone();
                runtime.spawn(move || {
                    for i in 0..1000 {
                        let number = (i * 7 + start * 100) % 1000;
                        senders[number].send(number).unwrap();
                    }
                })
            })
            .collect();
        for send in sends {
            send.join().unwrap();
        }
        assert!(sums.join().unwrap().into_iter().all(|count| count == 3));
        drop(senders);
    });
}

#[test]
fn an_empty_select() {
    watched(|| {
        assert_eq!(Select::<()>::new().try_wait(), None);
        let begun = StdInstant::now();
        assert_eq!(
            Select::<()>::default().wait_timeout(Duration::from_millis(2)),
            None
        );
        assert!(begun.elapsed() >= Duration::from_millis(2));
        assert_eq!(Select::<()>::new().wait_deadline(Instant::now()), None);
        assert_eq!(format!("{:?}", Select::<()>::new()), "Select { arms: 0 }");
    });
}

#[test]
fn limits_of_the_wait() {
    watched(|| {
        let (senders, receivers) = channels(3, 1);
        assert_eq!(over(&receivers).try_wait(), None);
        let begun = StdInstant::now();
        let timeout = Duration::from_millis(4);
        assert_eq!(over(&receivers).wait_timeout(timeout), None);
        assert_eq!(
            over(&receivers).wait_deadline(Instant::now() + timeout),
            None
        );
        assert!(begun.elapsed() >= 2 * timeout);
        senders[1].send(9).unwrap();
        assert_eq!(
            over(&receivers).wait_timeout(Duration::ZERO),
            Some((1, Ok(9)))
        );
        senders[2].send(8).unwrap();
        assert_eq!(
            over(&receivers).wait_deadline(Instant::now()),
            Some((2, Ok(8)))
        );
        senders[0].send(7).unwrap();
        assert_eq!(over(&receivers).try_wait(), Some((0, Ok(7))));
        let sender = senders[0].clone();
        let sends = std::thread::spawn(move || sender.send(6));
        assert_eq!(over(&receivers).wait_timeout(LIMIT), Some((0, Ok(6))));
        sends.join().unwrap().unwrap();
    });
}

/// Arms of all kinds at once, made alike by `map`.
#[test]
fn arms_of_all_kinds() {
    watched(|| {
        let runtime = workers(2);
        for ready in 0..5 {
            let (sender, receiver) = channel::bounded::<u32>(1);
            let (full, taken) = channel::bounded::<u32>(1);
            let (start, started) = channel::bounded::<()>(1);
            full.send(0).unwrap();
            let mut slot = Some(1);
            let mut handle = runtime.spawn(move || started.recv().is_ok());
            let mut select: Select<'_, &'static str> = Select::new();
            select.add(select::map(receiver.recv_arm(), |_| "received"));
            select.add(select::map(full.send_from_arm(&mut slot), |_| "sent"));
            let after = if ready == 2 {
                Duration::from_millis(1)
            } else {
                LIMIT
            };
            select.add(select::map(time::after(after), |_| "late"));
            select.add(select::map(&mut handle, |_| "joined"));
            let future = async {
                if ready == 4 {
                    "future"
                } else {
                    std::future::pending().await
                }
            };
            let boxed: Box<dyn Arm<Output = &'static str>> = Box::new(select::future(future));
            select.add(boxed);
            match ready {
                0 => sender.send(1).unwrap(),
                1 => drop(taken.recv().unwrap()),
                3 => start.send(()).unwrap(),
                _ => {}
            }
            let expected = ["received", "sent", "late", "joined", "future"][ready];
            assert_eq!(select.wait(), (ready, expected));
            assert_eq!(slot.is_none(), ready == 1);
        }
    });
}

/// The arms that lose are dropped with the select, and one that is never waited for too.
#[test]
fn arms_that_lose_are_dropped() {
    watched(|| {
        let drops = Drops::new();
        let (sender, receiver) = channel::bounded(1);
        for wait in [true, false] {
            let mut select = Select::new();
            (0..10).for_each(|i| assert_eq!(select.add(sender.send_arm(drops.track())), i));
            if wait {
                assert!(select.wait().1.is_ok());
                assert_eq!(drops.alive(), 1);
                drop(receiver.recv());
            } else {
                assert_eq!(drops.alive(), 10);
                drop(select);
            }
            assert_eq!(drops.alive(), 0);
        }
        assert!(receiver.try_recv().is_err());
    });
}

/// Waiting in a routine, cancelled with its runtime; and woken by a close.
#[test]
fn a_select_that_waits_is_woken_or_cancelled() {
    watched(|| {
        let (senders, receivers) = channels(50, 0);
        let of_first = receivers.clone();
        workers(1).run(|| {
            let waits = blocked(move || over(&of_first).wait());
            senders[33].close();
            assert_eq!(waits.join().unwrap(), (33, Err(RecvError)));
        });
        let runtime = workers(1);
        let live: Vec<_> = receivers
            .iter()
            .filter(|r| !r.is_closed())
            .cloned()
            .collect();
        runtime.spawn(move || over(&live).wait());
        (0..3).for_each(|_| runtime.run(routine::yield_now));
        drop(runtime);
        assert!(senders.iter().all(|sender| sender.try_send(1).is_err()));
    });
}
