//! What the rule does not cover: code that trusts last-in first-out nesting on its thread.
//!
//! `scoped-tls` stores a pointer to a stack variable in a thread-local and puts the one before back
//! when its closure returns. Two routines of one home that park in such closures put each other's
//! pointers back: with variables on their stacks that ends in freed memory. The guard turns it into a
//! panic that names both places.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use rust_routines::channel;
use rust_routines::routine::{self, JoinError};
use rust_routines_tests::watched;
use scoped_tls::scoped_thread_local;

scoped_thread_local!(static CURRENT: u32);

/// Messages and places of the panics that a closure has caused.
///
/// The hook is the process's: it notes only messages of `forbid_park` and leaves the rest alone.
fn panics_of(body: impl FnOnce()) -> Vec<(String, String)> {
    static SEEN: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let message = info.payload().downcast_ref::<String>();
        match message.filter(|message| message.contains("forbid_park")) {
            Some(message) => {
                let place = info.location().map(ToString::to_string).unwrap_or_default();
                SEEN.lock().unwrap().push((message.clone(), place));
            }
            None => before(info),
        }
    }));
    body();
    drop(std::panic::take_hook());
    std::mem::take(&mut SEEN.lock().unwrap())
}

#[test]
fn a_park_under_forbid_park_panics_and_names_both_places() {
    watched(|| {
        static LINE: AtomicU32 = AtomicU32::new(0);
        let seen = panics_of(|| {
            let runtime = rust_routines_tests::workers(1);
            let interleaved = || {
                let local = 7;
                CURRENT.set(&local, || {
                    // An adapter for scoped-tls would stand here.
                    LINE.store(line!(), Ordering::SeqCst);
                    let _guard = routine::forbid_park();
                    routine::yield_now();
                    CURRENT.with(|value| *value)
                })
            };
            let both = [runtime.spawn(interleaved), runtime.spawn(interleaved)];
            for handle in both {
                assert!(matches!(handle.join(), Err(JoinError::Panicked(_))));
            }
            // The worker is unharmed, and parking is allowed again.
            assert!(!runtime.run(|| {
                routine::yield_now();
                CURRENT.is_set()
            }));
        });
        assert_eq!(seen.len(), 2);
        let line = LINE.load(Ordering::SeqCst);
        let (guarded, parked) = (line + 1, line + 2);
        for (message, place) in seen {
            assert!(
                message.contains(&format!("{}:{guarded}:", file!())),
                "{message}"
            );
            assert!(
                place.starts_with(&format!("{}:{parked}:", file!())),
                "{place}"
            );
        }
    });
}

/// Why the guard is needed: the same without it, with statics so that nothing dangles. The first
/// routine to return takes the value of the second away.
#[test]
fn without_the_guard_scopes_of_home_mates_are_mixed_up() {
    static ONE: u32 = 1;
    static TWO: u32 = 2;
    watched(|| {
        let runtime = rust_routines_tests::workers(1);
        let (second_is_in, wait) = channel::bounded(0);
        let (first_is_out, go_on) = channel::bounded(0);
        let first = runtime.spawn(move || {
            CURRENT.set(&ONE, || wait.recv().unwrap());
            first_is_out.send(()).unwrap();
        });
        let second = runtime.spawn(move || {
            CURRENT.set(&TWO, || {
                second_is_in.send(()).unwrap();
                go_on.recv().unwrap();
                CURRENT.is_set()
            })
        });
        first.join().unwrap();
        let is_set = second.join().unwrap();
        assert!(
            !is_set,
            "scoped-tls and interleaved routines work together now: take this off the known-bad list"
        );
    });
}
