//! What has to work when a program is built with `panic = "abort"`: routines,
//! joins, channels, locks and a runtime that is built and dropped.
//!
//! A program and not a test, because cargo builds test harnesses with unwinding
//! whatever the profile says. `ci/abort.sh` builds it with the profile `abort` and
//! passes that word, so that a profile which silently unwinds is an error. With the word `timeout`, `race` or `restart` it
//! calls what needs unwinding, and has to be ended by that.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rust_routines::cancel::CancelToken;
use rust_routines::sync::{Mutex, WaitGroup};
use rust_routines::{channel, join, routine, runtime};

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("abort") && !cfg!(panic = "abort") {
        eprintln!("abort_profile: built with unwinding, so it shows nothing");
        return ExitCode::FAILURE;
    }
    if std::env::args().nth(1).as_deref() == Some("timeout") {
        let _refused = rust_routines::time::timeout(Duration::from_secs(1), || ());
        println!("`timeout` limits what it cannot end");
        return ExitCode::SUCCESS;
    }
    if std::env::args().nth(1).as_deref() == Some("race") {
        rust_routines::race!(|| (), || ());
        println!("`race!` has losers that it cannot end");
        return ExitCode::SUCCESS;
    }
    if std::env::args().nth(1).as_deref() == Some("restart") {
        drop(routine::spawn(|| routine::restart(|| ())).join());
        println!("`restart` leaves a stack that it cannot unwind");
        return ExitCode::SUCCESS;
    }
    routines_are_joined();
    channels_carry_values();
    locks_and_groups_wait();
    a_runtime_of_its_own_is_dropped();
    scopes_and_tokens_end_by_themselves();
    println!("ok");
    ExitCode::SUCCESS
}

fn routines_are_joined() {
    let handles: Vec<_> = (0..1000u64)
        .map(|n| {
            routine::spawn(move || {
                routine::yield_now();
                n
            })
        })
        .collect();
    let sum: u64 = handles
        .into_iter()
        .map(|handle| handle.join().expect("it returned"))
        .sum();
    assert_eq!(sum, 499_500);
    println!("joined");
}

fn channels_carry_values() {
    for capacity in [0, 1, 100] {
        let (tx, rx) = channel::bounded(capacity);
        let sender = routine::spawn(move || {
            for n in 0..1000u64 {
                tx.send(n).expect("the receiver lives");
            }
        });
        let mut sum = 0;
        while let Ok(n) = rx.recv() {
            sum += n;
        }
        sender.join().expect("it returned");
        assert_eq!(sum, 499_500, "capacity {capacity}");
    }
    println!("received");
}

fn locks_and_groups_wait() {
    let total = Arc::new(Mutex::new(0));
    let group = Arc::new(WaitGroup::new());
    for _ in 0..100 {
        group.add(1);
        let (total, group) = (Arc::clone(&total), Arc::clone(&group));
        routine::spawn(move || {
            let mut total = total.lock();
            routine::sleep(Duration::from_micros(10));
            *total += 1;
            drop(total);
            group.done();
        });
    }
    group.wait();
    assert_eq!(*total.lock(), 100);
    println!("waited");
}

fn a_runtime_of_its_own_is_dropped() {
    let runtime = runtime::Builder::new()
        .workers(2)
        .build()
        .expect("two workers fit");
    let inner = runtime.run(|| routine::spawn(|| 6 * 7).join().expect("it returned"));
    assert_eq!(inner, 42);
    // Nothing can unwind it when panics abort: then it is abandoned, and the process goes on.
    runtime.run(|| {
        routine::spawn(routine::park);
        routine::yield_now();
    });
    drop(runtime);
    println!("dropped");
}

fn scopes_and_tokens_end_by_themselves() {
    let parked = routine::spawn(routine::park);
    let aborted = parked.abort();
    assert_eq!(aborted.is_err(), cfg!(panic = "abort"));
    if aborted.is_err() {
        parked.routine().unpark();
    }
    assert_eq!(parked.join().is_ok(), cfg!(panic = "abort"));

    let token = CancelToken::new();
    let numbers = [1, 2, 3];
    let sum = routine::scope(|s| {
        s.spawn(|| token.child().wait());
        let sum = s.spawn(|| numbers.iter().sum::<i32>());
        token.cancel();
        sum.join().expect("it returned")
    });
    assert_eq!((sum, join!(|| 1, || 2)), (6, (1, 2)));
    // Nobody is cancelled by a failure: the others end when they do.
    let failed = routine::try_scope(|s| {
        s.spawn(|| {
            routine::sleep(Duration::from_millis(1));
            Ok(())
        });
        s.spawn(|| Err::<(), _>("failed"));
        Ok(())
    });
    assert_eq!(failed, Err("failed"));
    println!("scoped");
}
