//! Hooks that misbehave: the routine that switches pays for it, and nobody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rust_routines::channel;
use rust_routines::routine::{self, JoinError};
use rust_routines::runtime::{self, Runtime};
use rust_routines::sync::Mutex;
use rust_routines::time::{Duration, Instant};

/// Of the victim's wait.
const TIMEOUT: Duration = Duration::from_millis(100);

/// The number of the routine at whose next switch the hooks misbehave, once.
static VICTIM: AtomicU64 = AtomicU64::new(0);

fn is_armed() -> bool {
    let me = routine::current().expect("hooks run in the routine that switches");
    let taken = VICTIM.compare_exchange(me.id().as_u64(), 0, Ordering::SeqCst, Ordering::SeqCst);
    taken.is_ok()
}

fn arm() {
    let me = routine::current().expect("armed by the victim");
    VICTIM.store(me.id().as_u64(), Ordering::SeqCst);
}

pub(crate) fn parking() {
    routine::on_switch(
        || {
            if is_armed() {
                routine::yield_now();
            }
        },
        |()| (),
    );
    check(routine::yield_now);
}

pub(crate) fn panicking_in_save() {
    routine::on_switch(|| assert!(!is_armed(), "no save"), |()| ());
    check(way());
}

pub(crate) fn panicking_in_restore() {
    routine::on_switch(|| (), |()| assert!(!is_armed(), "no restore"));
    check(way());
}

/// The way to park that the second argument names, as a routine's body.
fn way() -> fn() {
    let name = std::env::args().nth(2).unwrap_or_default();
    match name.as_str() {
        "yield" => routine::yield_now,
        "sleep" => || routine::sleep(Duration::from_millis(5)),
        "recv" => || {
            let (sender, receiver) = channel::bounded::<u64>(0);
            // Sends into the slot of the waiter, if that is still linked.
            routine::spawn(move || sender.send(7));
            // The time-out is still to come when the routine ends: it must not end another's wait.
            assert_eq!(receiver.recv_timeout(TIMEOUT), Ok(7));
        },
        "lock" => || {
            let lock = Arc::new(Mutex::new(()));
            let (held, is_held) = channel::bounded(1);
            let holder = lock.clone();
            VICTIM.store(0, Ordering::SeqCst);
            routine::spawn(move || {
                let _guard = holder.lock();
                held.send(()).expect("the receiver waits");
                routine::yield_now();
            });
            is_held.recv().expect("the holder sends");
            arm();
            drop(lock.lock());
        },
        "join" => || {
            routine::spawn(|| ()).join().expect("it only returns");
        },
        "park" => || {
            let me = routine::current().expect("a routine");
            routine::spawn(move || me.unpark());
            routine::park();
        },
        _ => panic!("no way to park is called {name:?}"),
    }
}

/// Runs `body` with the hooks armed, and looks whether the worker still works and its memory is
/// sane: others use the stack that the failed routine has left, and what it waited on goes on.
fn check(body: fn()) {
    let runtime = runtime::Builder::new()
        .workers(1)
        .build()
        .expect("one worker");
    let joined = runtime
        .spawn(move || {
            arm();
            body();
        })
        .join();
    let message = match joined {
        Ok(()) => "it has ended well".to_string(),
        Err(JoinError::Panicked(payload)) => payload
            .downcast_ref::<String>()
            .cloned()
            .or(payload.downcast_ref::<&str>().map(ToString::to_string))
            .unwrap_or_default(),
        Err(JoinError::Cancelled) => "cancelled".to_string(),
    };
    println!("joined={message}");
    println!("others={}", use_the_worker(&runtime));
}

/// Routines that park in several ways; how many of them end.
fn use_the_worker(runtime: &Runtime) -> usize {
    let others: Vec<_> = (0..100_u64)
        .map(|i| {
            runtime.spawn(move || {
                let before = [i; 64];
                routine::yield_now();
                let start = Instant::now();
                routine::sleep(3 * TIMEOUT);
                assert!(start.elapsed() >= 3 * TIMEOUT, "woken by somebody's timer");
                assert_eq!(before, [i; 64], "somebody wrote to this stack");
            })
        })
        .collect();
    others
        .into_iter()
        .filter_map(|other| other.join().ok())
        .count()
}
