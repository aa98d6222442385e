//! The raw forms: any routine or thread may unlock (C2), misuse is an error (C2, C6), tickets (C11).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rust_routines::routine::{self, JoinError};
use rust_routines::sync::{NotLockedError, NotifyList, RawMutex, RawRwLock};
use rust_routines::time::{Duration, Instant};
use rust_routines_tests::watched;

use super::{Log, MOMENT, blocked, workers};

#[test]
fn misuse_is_an_error_and_changes_nothing() {
    let mutex = RawMutex::default();
    assert_eq!(mutex.unlock(), Err(NotLockedError));
    mutex.lock();
    assert!(mutex.is_locked() && !mutex.try_lock());
    assert_eq!(
        (mutex.unlock(), mutex.unlock()),
        (Ok(()), Err(NotLockedError))
    );
    assert!(mutex.try_lock());
    assert!(!mutex.lock_timeout(MOMENT) && !mutex.lock_until(Instant::now()));
    let lock = RawRwLock::default();
    assert_eq!(
        (lock.unlock_read(), lock.unlock_write()),
        (Err(NotLockedError), Err(NotLockedError))
    );
    lock.read();
    assert!(lock.unlock_write().is_err());
    assert!(lock.unlock_read().is_ok() && lock.unlock_read().is_err());
    lock.write();
    assert!(lock.unlock_read().is_err());
    assert!(!lock.read_timeout(MOMENT) && !lock.write_timeout(MOMENT));
    assert!(!lock.read_until(Instant::now()) && !lock.write_until(Instant::now()));
    assert!(lock.is_locked_exclusively());
    assert!(lock.unlock_write().is_ok() && lock.unlock_write().is_err());
    assert!(lock.try_read() && !lock.try_write() && lock.is_locked());
    assert_eq!(NotLockedError.to_string(), "unlock of what is not locked");
}

/// C2: not owned. Each locks, and somebody else unlocks.
#[test]
fn another_may_unlock() {
    watched(|| {
        let runtime = workers(2);
        let (mutex, lock) = (Arc::new(RawMutex::new()), Arc::new(RawRwLock::new()));
        mutex.lock();
        lock.write();
        let (a, b) = (mutex.clone(), lock.clone());
        let unlocks = runtime.spawn(move || (a.unlock(), b.unlock_write()));
        mutex.lock();
        lock.read();
        assert_eq!(unlocks.join().unwrap(), (Ok(()), Ok(())));
        let (a, b) = (mutex.clone(), lock.clone());
        thread::spawn(move || (a.unlock().unwrap(), b.unlock_read().unwrap()))
            .join()
            .unwrap();
        assert!(mutex.try_lock() && lock.try_write());
    });
}

/// Unlocked too often by many at once: exactly as many succeed as there were locks.
#[test]
fn of_many_unlocks_one_succeeds() {
    watched(|| {
        let runtime = workers(4);
        for _ in 0..300 {
            let mutex = Arc::new(RawMutex::new());
            let done = Arc::new(AtomicU64::new(0));
            mutex.lock();
            let waits = {
                let mutex = mutex.clone();
                runtime.spawn(move || mutex.lock())
            };
            let unlocks: Vec<_> = (0..4)
                .map(|_| {
                    let (mutex, done) = (mutex.clone(), done.clone());
                    runtime.spawn(move || {
                        if mutex.unlock().is_ok() {
                            done.fetch_add(1, Ordering::SeqCst);
                        }
                    })
                })
                .collect();
            unlocks
                .into_iter()
                .for_each(|handle| handle.join().unwrap());
            waits.join().unwrap();
            // Its lock may have been unlocked too, or not yet.
            let unlocked = done.load(Ordering::SeqCst) + u64::from(mutex.unlock().is_ok());
            assert_eq!(unlocked, 2);
        }
    });
}

/// C11: the order is that of the tickets, not of the waits; what is notified in between counts.
#[test]
fn tickets_are_notified_in_their_order() {
    watched(|| {
        workers(1).run(|| {
            let (list, log) = (Box::leak(Box::new(NotifyList::new())), Log::default());
            let list: &'static NotifyList = list;
            let (first, second, third) = (list.ticket(), list.ticket(), list.ticket());
            let wait = |what, ticket: rust_routines::sync::Ticket<'static>| {
                let log = log.clone();
                blocked(move || {
                    ticket.wait();
                    log.add(what);
                })
            };
            let waits = [wait("third", third), wait("first", first)];
            assert!(list.notify_one());
            routine::yield_now();
            assert_eq!(log.take(), ["first"]);
            assert!(list.notify_one(), "for one that does not wait yet");
            assert!(!waits[0].is_finished());
            second.wait();
            assert!(list.notify_one());
            assert!(!list.notify_one(), "nobody is left");
            for handle in waits {
                handle.join().unwrap();
            }
            assert_eq!(log.take(), ["third"]);
            assert_eq!(format!("{list:?}"), "NotifyList { tickets: 0 }");
        });
    });
}

/// Tickets that were dropped, timed out or cancelled are passed over: no notification is lost on them.
#[test]
fn tickets_that_are_given_up_are_passed_over() {
    watched(|| {
        let list: &'static NotifyList = Box::leak(Box::new(NotifyList::default()));
        let runtime = workers(1);
        drop(list.ticket());
        assert!(!list.ticket().wait_timeout(MOMENT));
        assert!(!list.ticket().wait_until(Instant::now()));
        let ticket = list.ticket();
        let cancelled = runtime.spawn(move || ticket.wait());
        let last = list.ticket();
        drop(runtime);
        assert!(matches!(cancelled.join(), Err(JoinError::Cancelled)));
        assert!(list.notify_one());
        last.wait();
        assert!(!list.notify_one());
        drop(list.ticket());
        let all = [list.ticket(), list.ticket()];
        list.notify_all();
        all.into_iter().for_each(rust_routines::sync::Ticket::wait);
        assert!(!list.notify_one());
    });
}

/// A `Cond` as a mirror makes it, out of a list and any lock.
#[test]
fn a_condition_made_of_it_loses_nothing() {
    const ROUNDS: u64 = 2000;
    struct Cond {
        lock: RawMutex,
        list: NotifyList,
        turn: AtomicU64,
    }
    impl Cond {
        fn wait(&self) {
            let ticket = self.list.ticket();
            self.lock.unlock().unwrap();
            ticket.wait();
            self.lock.lock();
        }
    }
    watched(|| {
        let runtime = workers(2);
        let cond = Arc::new(Cond {
            lock: RawMutex::new(),
            list: NotifyList::new(),
            turn: AtomicU64::new(0),
        });
        let handles: Vec<_> = (0..2)
            .map(|me| {
                let cond = cond.clone();
                runtime.spawn(move || {
                    for _ in 0..ROUNDS {
                        cond.lock.lock();
                        while cond.turn.load(Ordering::Relaxed) % 2 != me {
                            cond.wait();
                        }
                        cond.turn.fetch_add(1, Ordering::Relaxed);
                        cond.list.notify_one();
                        cond.lock.unlock().unwrap();
                    }
                })
            })
            .collect();
        handles
            .into_iter()
            .for_each(|handle| handle.join().unwrap());
        assert_eq!(cond.turn.load(Ordering::SeqCst), 2 * ROUNDS);
    });
}

/// Against a list of what should be: tickets given up anywhere, notified one by one, in their order.
#[test]
fn tickets_come_and_go_in_any_order() {
    for seed in 0..200 {
        let mut random = SmallRng::seed_from_u64(seed);
        let list = NotifyList::new();
        let (mut out, mut notified) = (VecDeque::new(), Vec::new());
        for _ in 0..60 {
            match random.random_range(0..10) {
                0..5 => out.push_back(list.ticket()),
                5..8 if !out.is_empty() => {
                    let i = random.random_range(0..out.len());
                    drop(out.remove(i));
                }
                _ => {
                    assert_eq!(list.notify_one(), !out.is_empty());
                    notified.extend(out.pop_front());
                }
            }
        }
        for ticket in notified {
            assert!(ticket.wait_timeout(Duration::ZERO), "it was notified");
        }
        for ticket in out {
            assert!(!ticket.wait_timeout(Duration::ZERO), "it was not");
        }
        assert!(!list.notify_one(), "nobody is left");
    }
}

/// A waiter that is cancelled has given its ticket up from then on, and not only when it has its turn again.
#[test]
fn a_cancelled_ticket_takes_no_notification() {
    watched(|| {
        workers(1).run(|| {
            let list = Arc::new(NotifyList::new());
            let waits = || {
                let list = list.clone();
                blocked(move || {
                    let ticket = list.ticket();
                    ticket.wait();
                })
            };
            for _ in 0..10 {
                let (first, second) = (waits(), waits());
                first.abort().unwrap();
                assert!(list.notify_one(), "somebody waits");
                second.join().unwrap();
                assert!(first.join().is_err());
            }
        });
    });
}
