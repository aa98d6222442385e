//! The locks that poison: who is told, and how it goes on. Written as for std: only the `use` lines are new.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use rust_routines::routine;
use rust_routines::sync;
use rust_routines::sync::poison::{Condvar, Mutex, RwLock, TryLockError};
use rust_routines_tests::watched;

use super::workers;

fn fails(body: impl FnOnce()) {
    let thrown = panic::catch_unwind(AssertUnwindSafe(|| {
        body();
    }));
    assert!(thrown.is_err());
}

fn silent() -> ! {
    panic::resume_unwind(Box::new("silent"))
}

#[test]
fn a_panic_is_told_to_the_next() {
    let mut mutex = Mutex::new(1);
    *mutex.lock().unwrap() += 1;
    fails(|| {
        let mut guard = mutex.lock().unwrap();
        *guard = 7;
        silent();
    });
    assert!(mutex.is_poisoned());
    assert_eq!(*mutex.lock().unwrap_err().into_inner(), 7);
    assert!(matches!(mutex.try_lock(), Err(TryLockError::Poisoned(_))));
    assert!(mutex.get_mut().is_err());
    assert_eq!(
        format!("{mutex:?}"),
        "Mutex { data: 7, poisoned: true, .. }"
    );
    mutex.clear_poison();
    let guard = mutex.lock().unwrap();
    assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)));
    drop(guard);
    assert_eq!(mutex.into_inner().unwrap(), 7);
}

#[test]
fn who_reads_poisons_nothing() {
    let lock = RwLock::new(1);
    fails(|| {
        let _guard = lock.read().unwrap();
        silent();
    });
    assert!(!lock.is_poisoned());
    fails(|| {
        let _guard = lock.write().unwrap();
        silent();
    });
    assert!(lock.is_poisoned());
    assert_eq!(*lock.read().unwrap_err().into_inner(), 1);
    assert!(lock.try_write().is_err() && lock.try_read().is_err());
    lock.clear_poison();
    *lock.write().unwrap() += 1;
    assert_eq!(lock.into_inner().unwrap(), 2);
}

/// Locked and unlocked in a destructor that runs while something unwinds: that panic is not the lock's.
#[test]
fn a_panic_from_before_poisons_nothing() {
    struct Uses<'a>(&'a Mutex<u8>);
    impl Drop for Uses<'_> {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
        }
    }
    let mutex = Mutex::new(1);
    fails(|| {
        let _uses = Uses(&mutex);
        silent();
    });
    assert_eq!(*mutex.lock().unwrap(), 2);
}

#[test]
fn a_condition_hands_the_guard_to_and_fro() {
    watched(|| {
        let runtime = workers(1);
        let pair = Arc::new((Mutex::new(0), Condvar::new()));
        let other = pair.clone();
        let waits = runtime.spawn(move || {
            let (mutex, condvar) = &*other;
            let guard = mutex.lock().unwrap();
            let guard = condvar.wait_while(guard, |count| *count == 0).unwrap();
            let timeout = Duration::from_millis(1);
            let (guard, result) = condvar.wait_timeout(guard, timeout).unwrap();
            assert!(result.timed_out());
            let (guard, result) = condvar
                .wait_timeout_while(guard, timeout, |count| *count == 1)
                .unwrap();
            assert!(result.timed_out());
            *guard
        });
        *pair.0.lock().unwrap() += 1;
        pair.1.notify_all();
        assert_eq!(waits.join().unwrap(), 1);
        // Poisoned while one waits: it is told.
        let other = pair.clone();
        let waits = runtime.spawn(move || {
            let mut guard = other.0.lock().unwrap();
            *guard = 5;
            other.1.wait(guard).is_err()
        });
        rust_routines_tests::eventually("it waits", || *pair.0.lock().unwrap() == 5);
        fails(|| {
            let _guard = pair.0.lock().unwrap();
            silent();
        });
        pair.1.notify_one();
        assert!(waits.join().unwrap());
    });
}

/// A routine that is cancelled while it holds the lock has not finished its work.
#[test]
fn a_cancellation_poisons() {
    watched(|| {
        let runtime = workers(1);
        let mutex = Arc::new(Mutex::new(0));
        let other = mutex.clone();
        runtime.spawn(move || {
            let mut guard = other.lock().unwrap();
            *guard += 1;
            routine::park();
            *guard += 1;
        });
        rust_routines_tests::eventually("it has the lock", || mutex.try_lock().is_err());
        drop(runtime);
        assert_eq!(*mutex.lock().unwrap_err().into_inner(), 1);
    });
}

/// As std's they may be used after a panic was caught, without a word; and so may all that protect nothing.
#[test]
fn all_may_be_used_after_a_panic() {
    fn is_safe<T: UnwindSafe + RefUnwindSafe>() {}
    is_safe::<(Mutex<Cell<u8>>, RwLock<Cell<u8>>, Condvar)>();
    is_safe::<(sync::Condvar, sync::Once, sync::Barrier, sync::OnceLock<u8>)>();
    is_safe::<(
        sync::LazyLock<u8>,
        sync::Semaphore,
        sync::Notify,
        sync::Latch,
    )>();
    is_safe::<(
        sync::WaitGroup,
        sync::RawMutex,
        sync::RawRwLock,
        sync::NotifyList,
    )>();
    let lock = RwLock::new(1);
    let thrown = panic::catch_unwind(|| {
        let _guard = lock.write().unwrap();
        silent();
    });
    assert!(thrown.is_err());
    let guard = lock.read().unwrap_err().into_inner();
    assert_eq!(format!("{guard}"), "1");
}
