//! Waits with limits of their own, and those that are made of others: a routine that is cancelled there leaves no trace.

use std::io::Read;
use std::net::TcpListener as StdListener;
use std::sync::Arc;

use rust_routines::cancel::CancelToken;
use rust_routines::net::TcpStream;
use rust_routines::sync::{
    Barrier, Condvar, Latch, LazyLock, Mutex, Notify, NotifyList, RwLock, Semaphore, WaitGroup,
};
use rust_routines::time::Duration;
use rust_routines::{channel, routine, select};

use super::points::{cancelled_in, way};
use super::{HOUR, blocked};

/// With a limit of its own each of them waits by another way: a timer is set, which has to go too.
#[test]
fn waits_with_a_limit() {
    cancelled_in(|| {
        let (tx, rx) = channel::bounded(1);
        tx.send(0).unwrap();
        let waits = tx.clone();
        way(
            move || {
                let _sent = waits.send_timeout(1, HOUR);
            },
            move || assert_eq!(rx.try_iter().collect::<Vec<_>>(), [0]),
        )
    });
    for which in 0..3 {
        cancelled_in(move || {
            let (mutex, lock) = (Arc::new(Mutex::new(0)), Arc::new(RwLock::new(0)));
            let guards = (mutex.lock_arc(), lock.write_arc());
            let (locks, reads) = (mutex.clone(), lock.clone());
            way(
                move || match which {
                    0 => drop(locks.lock_timeout(HOUR)),
                    1 => drop(reads.read_timeout(HOUR)),
                    _ => drop(reads.write_timeout(HOUR)),
                },
                move || {
                    drop(guards);
                    assert!(mutex.try_lock().is_some() && lock.try_write().is_some());
                },
            )
        });
    }
    cancelled_in(|| {
        let pair = Arc::new((Mutex::new(0), Condvar::new()));
        let waits = pair.clone();
        way(
            move || {
                let mut guard = waits.0.lock();
                waits.1.wait_timeout(&mut guard, HOUR);
            },
            move || {
                assert!(pair.0.try_lock().is_some() && !pair.1.notify_one());
            },
        )
    });
    cancelled_in(|| {
        let permits = Arc::new(Semaphore::new(0));
        let waits = permits.clone();
        way(
            move || drop(waits.acquire_timeout(HOUR)),
            move || {
                permits.add_permits(1);
                assert!(permits.try_acquire().is_some());
            },
        )
    });
    cancelled_in(|| {
        let notify = Arc::new(Notify::new());
        let waits = notify.clone();
        way(
            move || {
                waits.wait_timeout(HOUR);
            },
            move || {
                notify.notify_one();
                assert!(notify.wait_timeout(Duration::ZERO), "for the next");
            },
        )
    });
    cancelled_in(|| {
        way(
            || {
                let _met = Barrier::new(2).wait_timeout(HOUR);
            },
            || (),
        )
    });
    cancelled_in(|| {
        way(
            || {
                Latch::new(1).wait_timeout(HOUR);
            },
            || (),
        )
    });
    cancelled_in(|| {
        let group = WaitGroup::new();
        group.add(1);
        way(
            move || {
                group.wait_timeout(HOUR);
            },
            || (),
        )
    });
    cancelled_in(|| {
        let token = CancelToken::new();
        let waits = token.clone();
        way(
            move || {
                waits.wait_timeout(HOUR);
            },
            move || assert!(token.cancel()),
        )
    });
    cancelled_in(|| {
        let server = StdListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        stream.set_read_timeout(Some(HOUR)).unwrap();
        way(move || drop(stream.read(&mut [0; 8])), move || drop(server))
    });
}

#[test]
fn selects_that_are_put_together() {
    for limited in [false, true] {
        cancelled_in(move || {
            let (tx, rx) = channel::bounded::<u32>(0);
            let other = rx.clone();
            way(
                move || {
                    let mut arms = select::Select::new();
                    arms.add(rx.recv_arm());
                    match limited {
                        true => drop(arms.wait_timeout(HOUR)),
                        false => drop(arms.wait()),
                    }
                },
                move || {
                    assert!(tx.try_send(1).is_err(), "nobody waits");
                    assert!(other.try_recv().is_err());
                },
            )
        });
    }
}

/// Who waits for another one to make a value; a ticket; the handle of a routine of a scope.
#[test]
fn what_is_left() {
    cancelled_in(|| {
        static GO: Notify = Notify::new();
        let cell: Arc<LazyLock<u32>> = Arc::new(LazyLock::new(|| {
            GO.wait();
            7
        }));
        let (makes, waits) = (cell.clone(), cell.clone());
        let makes = blocked(move || **makes);
        way(
            move || {
                let _seven = **waits;
            },
            move || {
                GO.notify_one();
                assert_eq!(makes.join().unwrap(), **cell);
            },
        )
    });
    cancelled_in(|| {
        let list = Arc::new(NotifyList::new());
        let waits = list.clone();
        way(
            move || waits.ticket().wait(),
            move || assert!(!list.notify_one(), "nobody waits"),
        )
    });
    cancelled_in(|| {
        way(
            || {
                routine::scope(|s| {
                    let child = s.spawn(routine::park);
                    child.join().unwrap();
                });
            },
            || (),
        )
    });
}
