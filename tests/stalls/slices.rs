//! `checkpoint`: yields when the time slice is used up, and not before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rust_routines::{routine, time};
use rust_routines_tests::LIMIT;
use rust_routines_tests::watched;

use super::classes::told;
use super::runtime;

/// Longer than a slice.
const SPIN: std::time::Duration = std::time::Duration::from_millis(100);

/// A loop with checkpoints lets a home-mate go on, which nothing else would.
#[test]
fn a_long_loop_lets_its_home_mates_go_on() {
    watched(|| {
        runtime(1).run(|| {
            let done = Arc::new(AtomicBool::new(false));
            let of_mate = done.clone();
            let mate = routine::spawn(move || {
                for _ in 0..3 {
                    time::sleep(time::Duration::from_millis(1));
                }
                of_mate.store(true, Ordering::SeqCst);
            });
            routine::yield_now();
            let start = std::time::Instant::now();
            while !done.load(Ordering::SeqCst) {
                assert!(start.elapsed() < LIMIT, "the mate does not go on");
                routine::checkpoint();
            }
            mate.join().unwrap();
        });
    });
}

/// A fresh slice is not given away: with a mate that is ready, a few checkpoints change nothing.
#[test]
fn a_short_one_goes_on() {
    watched(|| {
        runtime(1).run(|| {
            // Some slice of this has to be short; a machine that stops for 10 ms each time has none.
            let start = std::time::Instant::now();
            loop {
                let ran = Arc::new(AtomicBool::new(false));
                let of_mate = ran.clone();
                routine::yield_now();
                let mate = routine::spawn(move || of_mate.store(true, Ordering::SeqCst));
                for _ in 0..10 {
                    routine::checkpoint();
                }
                let went_on = !ran.load(Ordering::SeqCst);
                mate.join().unwrap();
                if went_on {
                    break;
                }
                assert!(start.elapsed() < LIMIT, "each checkpoint yields");
            }
        });
    });
}

#[test]
fn the_end_of_a_timeout_takes_effect_there() {
    watched(|| {
        runtime(1).run(|| {
            let ended = time::timeout(time::Duration::from_millis(20), || {
                loop {
                    routine::checkpoint();
                }
            });
            assert!(ended.is_err());
        });
    });
}

#[test]
fn it_does_nothing_where_parking_is_forbidden() {
    watched(|| {
        runtime(1).run(|| {
            let _guard = routine::forbid_park();
            let start = std::time::Instant::now();
            while start.elapsed() < std::time::Duration::from_millis(60) {
                routine::checkpoint();
            }
        });
        routine::checkpoint();
    });
}

/// What one routine has used up is not taken from the next.
#[test]
fn a_slice_ends_with_its_routine() {
    watched(|| {
        let (runtime, stalls) = told(1);
        let start = std::time::Instant::now();
        loop {
            let spins = runtime.spawn(|| {
                let start = std::time::Instant::now();
                while start.elapsed() < SPIN {
                    std::hint::spin_loop();
                }
            });
            spins.join().unwrap();
            assert!(stalls.recv_timeout(LIMIT).is_ok(), "it was stuck");
            let gave_way = runtime.run(|| {
                let ran = Arc::new(AtomicBool::new(false));
                let of_mate = ran.clone();
                let mate = routine::spawn(move || of_mate.store(true, Ordering::SeqCst));
                routine::checkpoint();
                let gave_way = ran.load(Ordering::SeqCst);
                mate.join().unwrap();
                gave_way
            });
            if !gave_way {
                break;
            }
            assert!(start.elapsed() < LIMIT, "each new routine yields");
        }
    });
}
