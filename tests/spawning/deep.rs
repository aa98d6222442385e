//! `with_stack`: deep recursion in one place.

use std::panic;

use rust_routines::channel;
use rust_routines::routine::{self, Builder};
use rust_routines_tests::drops::Drops;
use rust_routines_tests::watched;

use super::workers;

/// Uses between one and two times `depth` KiB of stack.
#[inline(never)]
fn deep(depth: u64, at_the_bottom: &mut dyn FnMut()) -> u64 {
    let frame = [depth as u8; 1024];
    // By reference: by value there would be copies of it.
    std::hint::black_box(&frame);
    if depth == 0 {
        at_the_bottom();
        return 0;
    }
    let below = deep(depth - 1, at_the_bottom);
    below + u64::from(std::hint::black_box(&frame)[7] == depth as u8)
}

#[test]
fn recursion_far_beyond_the_routines_stack() {
    watched(|| {
        let runtime = workers(1);
        let depth = runtime.run(|| {
            let child = routine::spawn(|| {
                let before = deep(10, &mut || ());
                before + routine::with_stack(256 << 20, || deep(50_000, &mut || ()))
            });
            child.join().unwrap()
        });
        assert_eq!(depth, 50_010);
    });
}

#[test]
fn parking_at_the_bottom() {
    watched(|| {
        let runtime = workers(1);
        let (ask, asked) = channel::bounded(0);
        let deep_ones: Vec<_> = (0..20)
            .map(|i| {
                let ask = ask.clone();
                runtime.spawn(move || {
                    routine::with_stack(16 << 20, || {
                        let me = routine::current().unwrap().id();
                        let depth = deep(1000 + i, &mut || {
                            for _ in 0..5 {
                                routine::yield_now();
                                ask.send(i).unwrap();
                            }
                        });
                        assert_eq!(routine::current().unwrap().id(), me);
                        depth
                    })
                })
            })
            .collect();
        drop(ask);
        let mut asks = 0;
        while asked.recv().is_ok() {
            asks += 1;
        }
        assert_eq!(asks, 100);
        for (i, deep_one) in deep_ones.into_iter().enumerate() {
            assert_eq!(deep_one.join().unwrap(), 1000 + i as u64);
        }
    });
}

#[test]
fn a_panic_goes_through_with_its_destructors() {
    watched(|| {
        let runtime = workers(1);
        let drops = Drops::new();
        let of_routine = drops.clone();
        let failed = runtime.spawn(move || {
            let _outside = of_routine.track();
            routine::with_stack(1 << 20, || {
                let _inside = of_routine.track();
                deep(500, &mut || {
                    routine::yield_now();
                    panic::resume_unwind(Box::new("from the bottom"));
                })
            })
        });
        let error = failed.join().unwrap_err();
        assert_eq!(error.to_string(), "the routine panicked: from the bottom");
        assert_eq!((drops.made(), drops.alive()), (2, 0));
    });
}

#[test]
fn it_nests_borrows_and_returns() {
    watched(|| {
        let runtime = workers(1);
        let mut log = Vec::new();
        let sum = runtime.run(|| {
            routine::with_stack(1 << 20, || {
                log.push("outer");
                let inner = routine::with_stack(8 << 20, || {
                    log.push("inner");
                    routine::yield_now();
                    deep(5000, &mut || ())
                });
                // Back on the one between.
                log.push("back");
                inner + deep(500, &mut || ())
            })
        });
        assert_eq!(sum, 5500);
        assert_eq!(log, ["outer", "inner", "back"]);
    });
}

#[test]
fn on_a_plain_thread() {
    watched(|| {
        assert_eq!(
            routine::with_stack(128 << 20, || deep(60_000, &mut || ())),
            60_000
        );
        assert!(!routine::with_stack(64 << 10, routine::is_routine));
        let thrown = panic::catch_unwind(|| {
            routine::with_stack(64 << 10, || panic::resume_unwind(Box::new(4_u8)))
        });
        let thrown: Result<(), _> = thrown;
        assert_eq!(thrown.unwrap_err().downcast_ref(), Some(&4_u8));
    });
}

#[test]
fn its_memory_goes_back() {
    watched(|| {
        let runtime = workers(1);
        let mappings = || rust_routines_tests::probe::Process::own().mappings();
        let use_many = |n| {
            runtime.run(|| {
                for _ in 0..n {
                    routine::with_stack(32 << 20, || deep(100, &mut || ()));
                }
            });
        };
        use_many(5);
        let before = mappings();
        use_many(500);
        // Other tests of this process map and unmap too; 500 stacks would stand out.
        let after = mappings();
        assert!(after < before + 250, "{before} mappings, then {after}");
    });
}

/// Large stacks of their own are address space only, whatever is asked for.
#[test]
fn large_stacks_cost_what_they_use() {
    watched(|| {
        let runtime = workers(1);
        let routines: Vec<_> = (0..100)
            .map(|_| {
                let builder = Builder::new().stack_size(1 << 30);
                runtime
                    .spawn_with(builder, || deep(2000, &mut routine::yield_now))
                    .unwrap()
            })
            .collect();
        for routine in routines {
            assert_eq!(routine.join().unwrap(), 2000);
        }
    });
}
