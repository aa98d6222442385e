//! What locks allocate, counted: nothing, for who blocks. A binary of its own, whose allocator counts, and
//! whose one test is alone in its process - what other tests allocate would be counted too.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rust_routines::routine;
use rust_routines::runtime::Runtime;
use rust_routines::sync::{
    Barrier, Condvar, Mutex, Notify, NotifyList, RwLock, Semaphore, WaitGroup,
};
use rust_routines::time::Duration;
use rust_routines_tests::allocations::{COUNTING, Counting, allocations, in_use};
use rust_routines_tests::{eventually, watched};

#[global_allocator]
static ALLOCATOR: Counting = COUNTING;

const MINUTE: Duration = Duration::from_secs(60);

/// Everything that two can wait for each other at.
#[derive(Default)]
struct World {
    mutex: Mutex<u64>,
    condvar: Condvar,
    lock: RwLock<u64>,
    there: Notify,
    back: Notify,
    group: WaitGroup,
    list: NotifyList,
    end: AtomicBool,
}

/// One side of each: holds what the other one wants, over a park, and waits for what the other one does.
fn turn(world: &World, permits: &Semaphore, barrier: &Barrier) {
    barrier.wait();
    {
        let mut count = world.mutex.lock();
        *count += 1;
        routine::yield_now();
    }
    {
        let mut count = world.mutex.lock_timeout(MINUTE).expect("in time");
        *count += 1;
        routine::yield_now();
    }
    {
        let _reads = world.lock.read();
        routine::yield_now();
    }
    {
        let _writes = world.lock.write();
        routine::yield_now();
    }
    {
        let _permit = permits.acquire();
        routine::yield_now();
    }
    {
        let _permit = permits.acquire_timeout(MINUTE).expect("in time");
        routine::yield_now();
    }
    barrier.wait_timeout(MINUTE).expect("in time");
}

/// The rest, where the two sides differ.
fn to_and_fro(world: &World, is_first: bool) {
    if is_first {
        world.back.wait();
        world.there.notify_one();
        world.group.wait();
        world.list.ticket().wait();
        let mut count = world.mutex.lock();
        world.condvar.wait(&mut count);
    } else {
        world.group.add(1);
        world.back.notify_one();
        world.there.wait();
        routine::yield_now();
        world.group.done();
        while !world.list.notify_one() {
            routine::yield_now();
        }
        while !world.condvar.notify_one() {
            routine::yield_now();
        }
    }
}

fn waits_allocate_nothing(runtime: &Runtime) {
    let world = Arc::new(World::default());
    let (permits, barrier) = (Arc::new(Semaphore::new(1)), Arc::new(Barrier::new(2)));
    runtime.run(move || {
        let other = {
            let (world, permits, barrier) = (world.clone(), permits.clone(), barrier.clone());
            routine::spawn(move || {
                loop {
                    turn(&world, &permits, &barrier);
                    if world.end.load(Ordering::SeqCst) {
                        return;
                    }
                    to_and_fro(&world, false);
                }
            })
        };
        let hundred = || {
            for _ in 0..100 {
                turn(&world, &permits, &barrier);
                to_and_fro(&world, true);
            }
        };
        // Until all that grows has grown.
        hundred();
        assert_eq!(allocations(hundred), 0);
        world.end.store(true, Ordering::SeqCst);
        turn(&world, &permits, &barrier);
        other.join().unwrap();
    });
}

/// Tickets that are given up behind one that stays, as by a condition whose waits time out.
fn tickets_that_are_given_up_take_nothing() {
    let list = NotifyList::new();
    let many = || (0..10_000).for_each(|_| drop(list.ticket()));
    many();
    let stays = list.ticket();
    many();
    let before = in_use();
    many();
    let grown = in_use().saturating_sub(before);
    assert!(grown <= 10_000, "{grown} bytes");
    assert!(list.notify_one() && !list.notify_one());
    stays.wait();
}

/// A plain thread that blocks, and a routine that lets it go on.
fn a_thread_that_waits_allocates_nothing(runtime: &Runtime) {
    let world = Arc::new(World::default());
    let other = world.clone();
    let answers = runtime.spawn(move || {
        while !other.end.load(Ordering::SeqCst) {
            other.there.wait();
            other.back.notify_one();
        }
    });
    let hundred = || {
        for _ in 0..100 {
            world.there.notify_one();
            world.back.wait();
        }
    };
    hundred();
    assert_eq!(allocations(hundred), 0);
    world.end.store(true, Ordering::SeqCst);
    world.there.notify_one();
    eventually("it has ended", || answers.is_finished());
}

#[test]
fn waits_for_locks_allocate_nothing() {
    watched(|| {
        let runtime = rust_routines_tests::workers(1);
        waits_allocate_nothing(&runtime);
        a_thread_that_waits_allocates_nothing(&runtime);
        tickets_that_are_given_up_take_nothing();
    });
}
