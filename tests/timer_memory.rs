//! What timers allocate, counted: a binary of its own, whose allocator counts, and whose one test is
//! alone in its process - what other tests allocate would be counted too.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rust_routines::time::{self, Duration, Instant, Interval, Timer};
use rust_routines::{channel, routine};
use rust_routines_tests::allocations::{COUNTING, Counting, allocations, in_use};
use rust_routines_tests::wait::yield_until;
use rust_routines_tests::watched;

#[global_allocator]
static ALLOCATOR: Counting = COUNTING;

const HOUR: Duration = Duration::from_secs(3600);
const MILLION: u32 = 1_000_000;
/// The test harness' own thread may allocate at any time.
const NOISE: usize = 64 << 10;

#[test]
fn timers_hold_what_they_have_to_and_give_it_back() {
    watched(|| {
        let runtime = rust_routines_tests::workers(1);
        runtime.run(|| {
            timers_that_nobody_waits_for_allocate_nothing();
            functions_that_are_stopped_leave_nothing();
            one_that_stays_does_not_keep_the_memory_of_all();
            functions_that_have_run_leave_nothing();
            a_sleep_and_a_limit_allocate_nothing();
        });
    });
}

/// D23: a million started and dropped, and as many alive at once.
fn timers_that_nobody_waits_for_allocate_nothing() {
    let count = allocations(|| {
        for _ in 0..MILLION {
            black_box((Timer::new(HOUR), Interval::new(HOUR), time::after(HOUR)));
        }
    });
    assert_eq!(count, 0);
}

fn functions_that_are_stopped_leave_nothing() {
    for at_once in [1, MILLION] {
        let before = in_use();
        for _ in 0..MILLION / at_once {
            let all: Vec<_> = (0..at_once)
                .map(|i| time::after_func(HOUR + Duration::from_nanos(i.into()), || ()))
                .collect();
            all.iter().for_each(|timer| assert!(timer.stop()));
        }
        let grown = in_use().saturating_sub(before);
        assert!(grown < NOISE, "{at_once} at once leave {grown} bytes");
    }
}

/// What is kept beside it: two segments of 320 KB, of 100 MB.
fn one_that_stays_does_not_keep_the_memory_of_all() {
    let before = in_use();
    let set = |count| -> Vec<_> {
        (0..count)
            .map(|i| time::after_func(HOUR + Duration::from_micros(i), || ()))
            .collect()
    };
    let first = set(u64::from(MILLION / 2));
    let stays = time::after_func(HOUR, || ());
    let second = set(u64::from(MILLION / 2));
    let of_many = in_use() - before;
    let mut all = first.iter().chain(&second).rev();
    assert!(all.all(|timer| timer.stop()));
    drop((first, second));
    let grown = in_use().saturating_sub(before);
    assert!(grown < 16 * NOISE, "{grown} bytes of {of_many}");
    assert!(stays.stop());
}

fn functions_that_have_run_leave_nothing() {
    const COUNT: u32 = 20_000;
    let run = || {
        let runs = Arc::new(AtomicU32::new(0));
        for _ in 0..COUNT {
            let runs = runs.clone();
            time::after_func(Duration::from_micros(1), move || {
                runs.fetch_add(1, Ordering::Relaxed);
            });
        }
        yield_until("all have run and gone", || Arc::strong_count(&runs) == 1);
        assert_eq!(runs.load(Ordering::Relaxed), COUNT);
    };
    // What the first ones leave - stacks, queues - serves all others.
    run();
    let before = in_use();
    run();
    run();
    let grown = in_use().saturating_sub(before);
    assert!(grown < NOISE, "{grown} bytes");
}

/// A routine that sleeps holds nothing of its own; nor does one that waits with a limit.
fn a_sleep_and_a_limit_allocate_nothing() {
    let (_sender, receiver) = channel::bounded::<()>(1);
    let moment = Duration::from_micros(10);
    let ticks = Interval::new(moment);
    let mut waits: [(&str, &mut dyn FnMut()); 5] = [
        ("sleep", &mut || time::sleep(moment)),
        ("recv_timeout", &mut || {
            assert!(receiver.recv_timeout(moment).is_err())
        }),
        ("interval", &mut || assert!(ticks.recv() <= Instant::now())),
        ("timer", &mut || {
            assert!(Timer::at(Instant::now() + moment).recv() <= Instant::now())
        }),
        ("limit in time", &mut || {
            assert!(time::timeout(HOUR, || routine::park_timeout(moment)).is_ok());
        }),
    ];
    for (name, wait) in &mut waits {
        wait();
        assert_eq!(allocations(wait), 0, "{name}");
    }
}
