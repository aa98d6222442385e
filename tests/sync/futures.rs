//! Futures in the same lines: told in their turn, dropped at any time, as arms of a select.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use rust_routines::routine;
use rust_routines::select;
use rust_routines::sync::{Latch, Mutex, Notify, RwLock, Semaphore, WaitGroup};
use rust_routines::time;
use rust_routines_tests::tasks::{CountingWaker, block_on};
use rust_routines_tests::watched;

use super::{MOMENT, blocked, workers};

/// Polls once, with a waker that counts.
fn poll<F: Future + Unpin>(future: &mut F, waker: &Arc<CountingWaker>) -> Poll<F::Output> {
    let waker = Waker::from(waker.clone());
    Pin::new(future).poll(&mut Context::from_waker(&waker))
}

fn poll_for_nobody<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn free_ones_are_ready_at_once() {
    assert_eq!(*block_on(Mutex::new(1).lock_async()), 1);
    let lock = RwLock::new(2);
    assert_eq!(*block_on(lock.read_async()), 2);
    assert_eq!(*block_on(lock.write_async()), 2);
    let permits = Semaphore::new(3);
    assert_eq!(block_on(permits.acquire_many_async(2)).num_permits(), 2);
    assert_eq!(permits.available_permits(), 3);
    block_on(WaitGroup::new().wait_async());
    block_on(Latch::new(0).wait_async());
    let notify = Notify::new();
    notify.notify_one();
    block_on(notify.notified());
    assert!(poll_for_nobody(&mut notify.wait_async()).is_pending());
}

/// Told in its turn, and woken once; a guard in a future may be sent.
#[test]
fn who_waits_is_woken() {
    let (mutex, wakes) = (Mutex::new(1), CountingWaker::new());
    let guard = mutex.lock();
    let mut waits = mutex.lock_async();
    assert!(poll(&mut waits, &wakes).is_pending());
    assert!(poll(&mut waits, &wakes).is_pending());
    assert_eq!(wakes.wakes(), 0);
    drop(guard);
    assert_eq!(wakes.wakes(), 1);
    assert!(poll(&mut waits, &wakes).is_ready());
    let again = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| poll(&mut waits, &wakes)));
    assert!(again.is_err(), "polled after it was ready");
    fn is_send(_: &impl Send) {}
    is_send(&async {
        let guard = mutex.lock_async().await;
        std::future::ready(()).await;
        drop(guard);
    });
}

/// The last waker counts.
#[test]
fn another_task_may_go_on() {
    let (permits, first, second) = (
        Semaphore::new(0),
        CountingWaker::new(),
        CountingWaker::new(),
    );
    let mut waits = permits.acquire_async();
    assert!(poll(&mut waits, &first).is_pending());
    assert!(poll(&mut waits, &second).is_pending());
    permits.add_permits(1);
    assert_eq!((first.wakes(), second.wakes()), (0, 1));
}

/// Barging: a newcomer has it before the future that was told; which then waits in front of all others.
#[test]
fn one_that_comes_too_late_is_first_again() {
    let mutex = Mutex::new(());
    let wakes = [CountingWaker::new(), CountingWaker::new()];
    let guard = mutex.lock();
    let (mut first, mut second) = (mutex.lock_async(), mutex.lock_async());
    assert!(poll(&mut first, &wakes[0]).is_pending());
    assert!(poll(&mut second, &wakes[1]).is_pending());
    drop(guard);
    let guard = mutex.try_lock().expect("told is not handed");
    assert!(poll(&mut first, &wakes[0]).is_pending());
    drop(guard);
    assert_eq!((wakes[0].wakes(), wakes[1].wakes()), (2, 0));
    let guard = poll(&mut first, &wakes[0]);
    assert!(guard.is_ready());
    drop(guard);
    assert_eq!(wakes[1].wakes(), 1);
    assert!(poll(&mut second, &wakes[1]).is_ready());
}

/// Dropped after it was told: the next one is told.
#[test]
fn one_that_is_dropped_passes_it_on() {
    let wakes = CountingWaker::new();
    let mutex = Mutex::new(());
    let guard = mutex.lock();
    let (mut first, mut second) = (mutex.lock_async(), mutex.lock_async());
    assert!(poll_for_nobody(&mut first).is_pending() && poll(&mut second, &wakes).is_pending());
    drop(guard);
    drop(first);
    assert!((wakes.wakes(), poll(&mut second, &wakes).is_ready()) == (1, true));
    drop(second);

    let permits = Semaphore::new(0);
    let (mut first, mut second) = (permits.acquire_async(), permits.acquire_async());
    assert!(poll_for_nobody(&mut first).is_pending() && poll(&mut second, &wakes).is_pending());
    permits.add_permits(1);
    assert_eq!(wakes.wakes(), 1);
    drop(first);
    assert!((wakes.wakes(), poll(&mut second, &wakes).is_ready()) == (2, true));
    assert_eq!(permits.available_permits(), 1);

    let notify = Notify::new();
    let (mut first, mut second) = (notify.wait_async(), notify.wait_async());
    assert!(poll_for_nobody(&mut first).is_pending() && poll(&mut second, &wakes).is_pending());
    notify.notify_one();
    drop(first);
    assert!((wakes.wakes(), poll(&mut second, &wakes).is_ready()) == (3, true));
    // News for all are not passed on.
    let mut third = notify.wait_async();
    assert!(poll_for_nobody(&mut third).is_pending());
    notify.notify_waiters();
    drop(third);
    assert!(poll_for_nobody(&mut notify.wait_async()).is_pending());

    let lock = RwLock::new(());
    let guard = lock.read();
    let (mut writes, mut reads) = (lock.write_async(), lock.read_async());
    assert!(poll_for_nobody(&mut writes).is_pending() && poll(&mut reads, &wakes).is_pending());
    drop(guard);
    assert_eq!(wakes.wakes(), 3, "the writer comes first");
    drop(writes);
    assert!((wakes.wakes(), poll(&mut reads, &wakes).is_ready()) == (4, true));
}

/// Dropped while it waits, it leaves the line: a writer lets readers in, a big one small ones.
#[test]
fn one_that_is_dropped_while_it_waits_holds_up_nobody() {
    let wakes = CountingWaker::new();
    let lock = RwLock::new(());
    let guard = lock.read();
    let (mut writes, mut reads) = (lock.write_async(), lock.read_async());
    assert!(poll_for_nobody(&mut writes).is_pending() && poll(&mut reads, &wakes).is_pending());
    drop(writes);
    assert!((wakes.wakes(), poll(&mut reads, &wakes).is_ready()) == (1, true));
    drop(guard);
    let permits = Semaphore::new(1);
    let (mut big, mut small) = (permits.acquire_many_async(2), permits.acquire_async());
    assert!(poll_for_nobody(&mut big).is_pending() && poll(&mut small, &wakes).is_pending());
    drop(big);
    assert!((wakes.wakes(), poll(&mut small, &wakes).is_ready()) == (2, true));
}

/// A future that was told and is neither polled nor dropped holds up no routine and no thread.
#[test]
fn one_that_never_comes_holds_up_nobody_who_blocks() {
    watched(|| {
        workers(1).run(|| {
            let mutex = Arc::new(Mutex::new(0));
            let guard = mutex.lock();
            let mut kept = mutex.lock_async();
            assert!(poll_for_nobody(&mut kept).is_pending());
            let other = mutex.clone();
            let waits = blocked(move || *other.lock() += 1);
            drop(guard);
            waits.join().unwrap();

            let lock = Arc::new(RwLock::new(0));
            let guard = lock.read();
            let (mut writes, mut reads) = (lock.write_async(), lock.read_async());
            assert!(poll_for_nobody(&mut writes).is_pending());
            assert!(poll_for_nobody(&mut reads).is_pending());
            let (a, b) = (lock.clone(), lock.clone());
            let (reader, writer) = (blocked(move || *a.read()), blocked(move || *b.write() += 1));
            drop(guard);
            writer.join().unwrap();
            reader.join().unwrap();
        });
    });
}

/// A lock that is reserved for a routine that has waited for too long is not kept from a future that stood
/// before that one: futures have their turns among the impatient too.
#[test]
fn nothing_is_reserved_over_a_future_that_was_told() {
    watched(|| {
        workers(1).run(|| {
            let mutex = Arc::new(Mutex::new(0));
            let guard = mutex.lock();
            let mut task = mutex.lock_async();
            assert!(poll_for_nobody(&mut task).is_pending());
            let other = mutex.clone();
            let waits = blocked(move || *other.lock() += 1);
            time::sleep(2 * MOMENT);
            drop(guard);
            // Before either of them comes; then both find it held, the routine for too long.
            let guard = mutex.lock();
            routine::yield_now();
            assert!(poll_for_nobody(&mut task).is_pending());
            drop(guard);
            let Poll::Ready(guard) = poll_for_nobody(&mut task) else {
                panic!("it was told, and nothing is reserved");
            };
            drop((guard, task));
            waits.join().unwrap();
            assert_eq!(*mutex.lock(), 1);
        });
    });
}

/// Nor does one that waits in the line keep those behind it waiting for good, in a semaphore, once it is
/// polled: it takes its permits in its turn.
#[test]
fn permits_are_taken_in_turn() {
    watched(|| {
        workers(1).run(|| {
            let permits = Arc::new(Semaphore::new(0));
            let mut first = permits.acquire_many_async(2);
            assert!(poll_for_nobody(&mut first).is_pending());
            let other = permits.clone();
            let waits = blocked(move || other.acquire().forget());
            permits.add_permits(2);
            routine::yield_now();
            assert!(!waits.is_finished(), "the future's turn");
            let Poll::Ready(both) = poll_for_nobody(&mut first) else {
                panic!("it was told");
            };
            assert_eq!(both.num_permits(), 2);
            drop(both);
            waits.join().unwrap();
            assert_eq!(permits.available_permits(), 1);
        });
    });
}

/// Two that were told both take their permits, although a routine waits behind them.
#[test]
fn permits_of_those_who_were_told_are_not_given_away() {
    watched(|| {
        workers(1).run(|| {
            let permits = Arc::new(Semaphore::new(0));
            let (mut first, mut second) = (permits.acquire_async(), permits.acquire_async());
            assert!(poll_for_nobody(&mut first).is_pending());
            assert!(poll_for_nobody(&mut second).is_pending());
            let other = permits.clone();
            let waits = blocked(move || other.acquire().forget());
            permits.add_permits(2);
            let first = poll_for_nobody(&mut first);
            let second = poll_for_nobody(&mut second);
            assert!(first.is_ready() && second.is_ready());
            assert!(!waits.is_finished());
            drop((first, second));
            waits.join().unwrap();
            assert_eq!(permits.available_permits(), 1);
        });
    });
}

/// A future counts for `notify_waiters` from when it was made.
#[test]
fn news_come_to_those_that_were_made_before() {
    let notify = Notify::new();
    let mut made = notify.notified();
    notify.notify_waiters();
    assert!(poll_for_nobody(&mut made).is_ready());
    assert!(poll_for_nobody(&mut notify.notified()).is_pending());
}

#[test]
fn all_are_arms_of_a_select() {
    watched(|| {
        let attempt = || {
            let (permits, notify) = (Semaphore::new(0), Notify::new());
            let (latch, group) = (Latch::new(1), WaitGroup::new());
            let (mutex, lock) = (Mutex::new(1), RwLock::new(2));
            group.add(1);
            let held = (mutex.try_lock(), lock.try_write());
            let choose = || {
                select! {
                    permit = permits.acquire_async() => format!("{} permit", permit.num_permits()),
                    notify.wait_async() => "notified".to_string(),
                    latch.wait_async() => "open".to_string(),
                    group.wait_async() => "done".to_string(),
                    guard = mutex.lock_async() => format!("{guard}"),
                    guard = lock.read_async() => format!("{guard}"),
                    time::after(MOMENT) => "late".to_string(),
                }
            };
            assert_eq!(choose(), "late");
            permits.add_permits(1);
            assert_eq!(choose(), "1 permit");
            permits.acquire().forget();
            notify.notify_one();
            assert_eq!(choose(), "notified");
            latch.count_down();
            assert_eq!(choose(), "open");
            drop(held);
            let writes = select! {
                mut guard = lock.write_async() => { *guard += 1; *guard }
            };
            assert_eq!(writes, 3);
        };
        attempt();
        workers(1).run(attempt);
    });
}

/// A select that waits is woken by a permit; what it did not choose is where it was.
#[test]
fn a_select_that_waits_is_woken() {
    watched(|| {
        workers(1).run(|| {
            let (permits, group) = (Arc::new(Semaphore::new(0)), Arc::new(WaitGroup::new()));
            group.add(1);
            let (a, b) = (permits.clone(), group.clone());
            let selects = blocked(move || {
                select! {
                    permit = a.acquire_many_async(2) => permit.num_permits(),
                    b.wait_async() => 0,
                }
            });
            permits.add_permits(1);
            routine::yield_now();
            assert!(!selects.is_finished());
            permits.add_permits(1);
            assert_eq!(selects.join().unwrap(), 2);
            assert_eq!(permits.available_permits(), 2);
            group.done();
        });
    });
}

/// Many tasks of an executor of one thread, over one mutex and one semaphore, with routines.
#[test]
fn futures_and_routines_share_the_lines() {
    const EACH: usize = 300;
    watched(|| {
        let runtime = workers(2);
        let (mutex, permits) = (Arc::new(Mutex::new(0)), Arc::new(Semaphore::new(2)));
        let routines: Vec<_> = (0..4)
            .map(|_| {
                let (mutex, permits) = (mutex.clone(), permits.clone());
                runtime.spawn(move || {
                    for _ in 0..EACH {
                        let _permit = permits.acquire();
                        *mutex.lock() += 1;
                    }
                })
            })
            .collect();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (mutex, permits) = (mutex.clone(), permits.clone());
                std::thread::spawn(move || {
                    block_on(async {
                        for _ in 0..EACH {
                            let _permit = permits.acquire_async().await;
                            let guard = pin!(mutex.lock_async());
                            *guard.await += 1;
                        }
                    });
                })
            })
            .collect();
        routines
            .into_iter()
            .for_each(|handle| handle.join().unwrap());
        threads
            .into_iter()
            .for_each(|handle| handle.join().unwrap());
        assert_eq!((*mutex.lock(), permits.available_permits()), (8 * EACH, 2));
    });
}
