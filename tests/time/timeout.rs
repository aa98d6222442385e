//! `timeout`: every way to wait is ended, and nothing is left behind.

use std::io::Read;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::thread;

use rust_routines::net::{TcpListener, TcpStream};
use rust_routines::sync::{Mutex, WaitGroup};
use rust_routines::time::{self, Duration, Elapsed, Instant, Interval, Timer};
use rust_routines::{channel, routine, select};
use rust_routines_tests::wait::yield_until;
use rust_routines_tests::watched;

use super::{HOUR, MOMENT, on_both, workers};

/// Waits for what does not come, each in its own way.
fn ways() -> Vec<(&'static str, fn())> {
    vec![
        ("sleep", || time::sleep(HOUR)),
        ("recv", || {
            let (_tx, rx) = channel::bounded::<u32>(1);
            let _received = rx.recv();
        }),
        ("recv_timeout", || {
            let (_tx, rx) = channel::bounded::<u32>(0);
            let _received = rx.recv_timeout(HOUR);
        }),
        ("send", || {
            let (tx, _rx) = channel::bounded(0);
            let _sent = tx.send(1);
        }),
        ("select", || {
            let (_tx, rx) = channel::bounded::<u32>(1);
            select! { _ = rx.recv() => (), time::after(HOUR) => () }
        }),
        ("empty select", || select! {}),
        ("group", || {
            let group = WaitGroup::new();
            group.add(1);
            group.wait();
        }),
        ("timer", || {
            let _moment = Timer::new(HOUR).recv();
        }),
        ("interval", || {
            let _moment = Interval::new(HOUR).recv();
        }),
        ("after", || {
            let _moment = time::after(HOUR).recv();
        }),
        ("park", || {
            loop {
                routine::park()
            }
        }),
        ("park_timeout", || {
            loop {
                routine::park_timeout(HOUR)
            }
        }),
        ("yield", || {
            loop {
                routine::yield_now()
            }
        }),
        ("join", || {
            routine::spawn(|| time::sleep(Duration::from_secs(2)))
                .join()
                .unwrap()
        }),
        ("accept", || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            drop(listener.accept());
        }),
        ("read", || {
            let server = StdListener::bind("127.0.0.1:0").unwrap();
            let mut stream = TcpStream::connect(server.local_addr().unwrap()).unwrap();
            drop(stream.read(&mut [0]));
        }),
    ]
}

#[test]
fn every_way_to_wait_is_ended() {
    watched(|| {
        on_both(|| {
            for (name, way) in ways() {
                let start = Instant::now();
                let ended = time::timeout(MOMENT, || {
                    way();
                    // What has ended by itself has to wait for this.
                    time::sleep(HOUR);
                });
                assert_eq!(ended, Err(Elapsed), "{name}");
                assert!(start.elapsed() >= MOMENT, "{name} was early");
                // The limit is over: this waits as long as it has to.
                time::sleep(Duration::from_micros(100));
            }
        });
    });
}

#[test]
fn a_lock_is_given_up() {
    watched(|| {
        let runtime = workers(1);
        let lock = Arc::new(Mutex::new(0));
        let guard = lock.lock();
        let body = |lock: Arc<Mutex<i32>>| {
            move || {
                assert_eq!(time::timeout(MOMENT, || *lock.lock() += 1), Err(Elapsed));
            }
        };
        runtime.spawn(body(lock.clone())).join().unwrap();
        thread::spawn(body(lock.clone())).join().unwrap();
        drop(guard);
        assert_eq!(*lock.lock(), 0);
    });
}

#[test]
fn what_needs_no_wait_is_not_limited() {
    watched(|| {
        on_both(|| {
            let (tx, rx) = channel::bounded(1);
            tx.send(7).unwrap();
            let past = Instant::now() - HOUR;
            assert_eq!(time::timeout_at(past, || rx.recv()), Ok(Ok(7)));
            assert_eq!(
                time::timeout_at(past, || rx.recv()),
                Err(Elapsed),
                "it would wait"
            );
            assert_eq!(time::timeout(Duration::MAX, || 1), Ok(1), "an eternity");
            // However long it takes.
            let late = time::timeout(Duration::from_micros(1), || thread::sleep(MOMENT));
            assert_eq!(late, Ok(()));
        });
    });
}

/// The waiter has left its queue: what is sent afterwards goes to others.
#[test]
fn what_was_given_up_takes_nothing() {
    watched(|| {
        on_both(|| {
            for capacity in [0, 1] {
                let (tx, rx) = channel::bounded(capacity);
                let given_up = time::timeout(MOMENT, || rx.recv());
                assert!(given_up.is_err());
                let sent = tx.try_send(1).is_ok();
                assert_eq!(sent, capacity == 1, "nobody waits");
                let received = select! { value = rx.recv() => value.ok(), default => None };
                assert_eq!(received.is_some(), sent);
            }
        });
    });
}

/// A value that is handed over while the time passes is received, or is still there: never lost.
#[test]
fn a_value_that_races_with_the_end_is_not_lost() {
    watched(|| {
        let runtime = workers(2);
        for on_thread in [false, true] {
            let (tx, rx) = channel::bounded(0);
            let receives = move || {
                let (mut received, mut ends) = (0_u32, 0_u64);
                loop {
                    let limit = Duration::from_nanos(ends * 37 % 40_000);
                    match time::timeout(limit, || rx.recv()) {
                        Ok(Ok(value)) => {
                            assert_eq!(value, received);
                            received += 1;
                        }
                        Ok(Err(_)) => return (received, ends),
                        Err(Elapsed) => ends += 1,
                    }
                }
            };
            let sends = runtime.spawn(move || {
                for i in 0..2000_u32 {
                    time::sleep(Duration::from_micros(u64::from(i) % 30));
                    tx.send(i).unwrap();
                }
            });
            let (received, ends) = if on_thread {
                thread::spawn(receives).join().unwrap()
            } else {
                runtime.spawn(receives).join().unwrap()
            };
            sends.join().unwrap();
            assert_eq!(received, 2000);
            assert!(ends > 0);
        }
    });
}

/// A sender finds the receiver in its queue just when that sees that its time has passed: what it hands over
/// is received, and the frame with the place for it stays until then.
#[test]
fn a_wake_on_its_way_is_waited_for() {
    const SENDS: u32 = 20_000;
    watched(|| {
        let runtime = workers(1);
        let (tx, rx) = channel::bounded(0);
        let receives = runtime.spawn(move || {
            let mut received = 0_u32;
            loop {
                match time::timeout(Duration::ZERO, || rx.recv()) {
                    Ok(Ok(value)) => {
                        assert_eq!(value, received);
                        received += 1;
                    }
                    Ok(Err(_)) => return received,
                    Err(Elapsed) => routine::yield_now(),
                }
            }
        });
        let mut sent = 0;
        while sent < SENDS {
            // It stands there only while it is about to give up; with one CPU it is hardly ever met.
            match (0..1000).any(|_| tx.try_send(sent).is_ok()) {
                true => sent += 1,
                false => {
                    tx.send(sent).unwrap();
                    sent += 1;
                }
            }
        }
        drop(tx);
        assert_eq!(receives.join().unwrap(), SENDS);
    });
}

/// One that has ended is over: the end of the next does not let others go first, as a raise does that has
/// been swallowed.
#[test]
fn what_has_been_caught_is_not_raised_again() {
    watched(|| {
        workers(1).run(|| {
            let (_tx, rx) = channel::bounded::<u32>(0);
            let give_up = || assert!(time::timeout(Duration::ZERO, || rx.recv()).is_err());
            give_up();
            let other = routine::spawn(|| ());
            give_up();
            assert!(!other.is_finished(), "nobody had a turn");
            other.join().unwrap();
        });
    });
}

/// Destructors run, in order, may wait for as long as they have to, and the borrows hold.
#[test]
fn it_unwinds() {
    struct Slow<'a>(&'a Mutex<Vec<u32>>, u32);
    impl Drop for Slow<'_> {
        fn drop(&mut self) {
            time::sleep(MOMENT);
            self.0.lock().push(self.1);
        }
    }
    watched(|| {
        on_both(|| {
            let order = Mutex::new(vec![]);
            let mut count = 0;
            let ended = time::timeout(MOMENT, || {
                count += 1;
                let _first = Slow(&order, 1);
                let _second = Slow(&order, 2);
                time::sleep(HOUR);
                count += 1;
            });
            assert_eq!(ended, Err(Elapsed));
            assert_eq!((count, &*order.lock()), (1, &vec![2, 1]));
            assert!(!thread::panicking());
        });
    });
}

/// Many at once, with limits of their own, on one worker.
#[test]
fn each_has_its_own() {
    watched(|| {
        let runtime = workers(1);
        let (tx, rx) = channel::bounded::<()>(0);
        let all: Vec<_> = (0..500_u64)
            .map(|i| {
                let rx = rx.clone();
                runtime.spawn(move || {
                    let limit = Duration::from_micros(i * 7919 % 10_000);
                    let start = Instant::now();
                    assert_eq!(time::timeout(limit, || rx.recv()), Err(Elapsed));
                    assert!(start.elapsed() >= limit);
                })
            })
            .collect();
        all.into_iter().for_each(|it| it.join().unwrap());
        drop(tx);
    });
}

#[test]
fn what_f_spawns_is_not_limited() {
    watched(|| {
        workers(1).run(|| {
            let spawned = time::timeout(MOMENT, || {
                let handle = routine::spawn(|| {
                    time::sleep(3 * MOMENT);
                    5
                });
                routine::yield_now();
                handle
            });
            assert_eq!(spawned.unwrap().join().unwrap(), 5);
        });
    });
}

/// A routine whose limit is set while it is about to be woken by others: many times, one worker and two.
#[test]
fn a_limit_is_gone_when_it_is_left() {
    watched(|| {
        for count in [1, 2] {
            workers(count).run(|| {
                let (tx, rx) = channel::bounded(0);
                let sends = routine::spawn(move || (0..3000).for_each(|i| tx.send(i).unwrap()));
                for i in 0..3000 {
                    let received = match i % 3 {
                        0 => rx.recv(),
                        1 => time::timeout(HOUR, || rx.recv()).unwrap(),
                        _ => {
                            time::timeout(HOUR, || select! { value = rx.recv() => value }).unwrap()
                        }
                    };
                    assert_eq!(received, Ok(i));
                }
                sends.join().unwrap();
                yield_until("nothing is raised any more", || true);
            });
        }
    });
}
