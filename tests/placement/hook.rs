//! Keys, and the hook of a runtime that says where its routines start.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rust_routines::channel;
use rust_routines::routine::{self, Builder, Place};
use rust_routines::runtime::{self, Runtime, Spawn, Start};
use rust_routines::time::{self, Duration};
use rust_routines_tests::{eventually, watched};

use super::{here, workers};

fn placed(count: usize, placement: impl runtime::Placement) -> Runtime {
    let builder = runtime::Builder::new().workers(count).placement(placement);
    builder.build().expect("a few threads")
}

fn key(key: u64) -> Builder {
    Builder::new().place(Place::Key(key))
}

#[test]
fn routines_with_one_key_live_together() {
    watched(|| {
        let runtime = workers(4);
        let outside: Vec<_> = (0..100)
            .map(|i| (i, runtime.spawn_with(key(i), here).unwrap()))
            .collect();
        let mut all: Vec<_> = outside
            .into_iter()
            .map(|(i, handle)| (i, handle.join().unwrap()))
            .collect();
        all.extend(runtime.run(|| {
            let inside: Vec<_> = (0..100).map(|i| (i, key(i).spawn(here).unwrap())).collect();
            inside
                .into_iter()
                .map(|(i, handle)| (i, handle.join().unwrap()))
                .collect::<Vec<_>>()
        }));
        for (key, worker) in all {
            assert_eq!(worker, Some(key as usize % 4), "key {key}");
        }
    });
}

#[test]
fn the_hook_decides_and_is_told_what_there_is_to_know() {
    watched(|| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = seen.clone();
        let runtime = placed(3, move |spawn: &Spawn<'_>| {
            let loads: Vec<_> = (0..spawn.workers()).map(|n| spawn.load(n)).collect();
            noted.lock().unwrap().push((
                spawn.name().map(str::to_owned),
                spawn.asked(),
                spawn.key(),
                spawn.from(),
                loads,
            ));
            match spawn.name() {
                Some(name) => Start::Worker(name.len() - 1),
                None => Start::AsAsked,
            }
        });
        let named = |name: &str| runtime.spawn_with(Builder::new().name(name), here).unwrap();
        assert_eq!(named("aaa").join().unwrap(), Some(2));
        assert_eq!(named("a").join().unwrap(), Some(0));
        eventually("all have ended", || runtime.metrics().live() == 0);
        seen.lock().unwrap().clear();
        let parent = Builder::new().name("bb").place(Place::Spread);
        let children = runtime.spawn_with(parent, || {
            let plain = routine::spawn(here).join().unwrap();
            let keyed = key(1000).name("c").spawn(here).unwrap().join().unwrap();
            (here(), plain.is_some(), keyed)
        });
        assert_eq!(children.unwrap().join().unwrap(), (Some(1), true, Some(0)));
        let seen = seen.lock().unwrap().clone();
        let spread = (Some("bb".into()), Place::Spread, None, None, vec![0, 0, 0]);
        assert_eq!(seen[0], spread);
        assert_eq!(seen[1], (None, Place::Near, None, Some(1), vec![0, 1, 0]));
        let (name, asked, key, from, _) = seen[2].clone();
        assert_eq!((name.as_deref(), asked), (Some("c"), Place::Key(1000)));
        assert_eq!((key, from, seen.len()), (Some(1000), Some(1), 3));
    });
}

#[test]
fn what_has_a_thread_of_its_own_is_not_asked_about() {
    watched(|| {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        let runtime = placed(2, move |_: &Spawn<'_>| {
            counted.fetch_add(1, Ordering::SeqCst);
            Start::Worker(0)
        });
        let own = Builder::new().place(Place::Own);
        let own = runtime.spawn_with(own, here).unwrap();
        assert_eq!(own.join().unwrap(), None);
        assert_eq!(asked.load(Ordering::SeqCst), 0);
        // Neither is what a timer starts.
        let (tx, fired) = channel::bounded(1);
        let parent = runtime.spawn(move || {
            let _timer = time::after_func(Duration::ZERO, move || tx.send(()).unwrap());
            fired.recv().unwrap();
        });
        parent.join().unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 1, "for the parent");
    });
}

#[test]
fn a_hook_that_panics_or_parks_is_overruled() {
    watched(|| {
        let runtime = placed(2, |spawn: &Spawn<'_>| match spawn.name() {
            Some("parks") => {
                routine::sleep(Duration::from_secs(3600));
                Start::Worker(9)
            }
            Some(_) => panic!("in a placement"),
            None => Start::Worker(1),
        });
        for name in ["parks", "panics"] {
            let outside = runtime.spawn_with(key(1).name(name), here).unwrap();
            assert_eq!(outside.join().unwrap(), Some(1));
            let inside = runtime.spawn(move || {
                let child = key(0).name(name).spawn(here).unwrap();
                (child.join().unwrap(), here())
            });
            assert_eq!(inside.join().unwrap(), (Some(0), Some(1)));
        }
    });
}

#[test]
fn a_worker_that_there_is_not_is_an_error() {
    watched(|| {
        let runtime = placed(2, |spawn: &Spawn<'_>| match spawn.asked() {
            Place::Near => Start::Worker(2),
            _ => Start::Worker(0),
        });
        let refused = runtime.spawn_with(Builder::new(), || ()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
        let text = refused.to_string();
        assert!(
            text.contains("worker 2") && text.contains("there are 2"),
            "{text}"
        );
        let spread = Builder::new().place(Place::Spread);
        let inside = runtime.spawn_with(spread, || {
            let refused = panic::catch_unwind(AssertUnwindSafe(|| routine::spawn(|| ())));
            let text = refused.unwrap_err().downcast::<String>().unwrap();
            assert!(text.contains("worker 2"), "{text}");
        });
        inside.unwrap().join().unwrap();
        eventually("nothing is counted that never lived", || {
            runtime.metrics().live() == 0
        });
    });
}

/// A hook that spawns would ask itself, and never stop.
#[test]
fn what_a_hook_spawns_starts_as_asked() {
    watched(|| {
        let (tx, spawned) = channel::unbounded();
        let runtime = placed(1, move |_: &Spawn<'_>| {
            tx.send(routine::spawn(|| 7)).unwrap();
            Start::AsAsked
        });
        assert_eq!(runtime.spawn(|| 1).join().unwrap(), 1);
        assert_eq!(spawned.recv().unwrap().join().unwrap(), 7);
        runtime.run(|| assert_eq!(routine::spawn(|| 2).join().unwrap(), 2));
        let more = std::iter::from_fn(|| spawned.try_recv().ok());
        assert_eq!(more.map(|handle| handle.join().unwrap()).sum::<i32>(), 14);
    });
}

/// What was sent to a worker that is stuck waits for it: its key lives there. What was spread does not.
#[test]
fn what_has_a_key_waits_for_a_stuck_worker() {
    watched(|| {
        let runtime = workers(2);
        let holds = Arc::new(AtomicUsize::new(1));
        let (seen, (tx, stuck)) = (holds.clone(), channel::bounded(1));
        let hog = runtime.spawn_with(key(0), move || {
            tx.send(()).unwrap();
            while seen.load(Ordering::Acquire) == 1 {
                std::hint::spin_loop();
            }
        });
        stuck.recv().unwrap();
        let bound: Vec<_> = (0..10)
            .map(|_| runtime.spawn_with(key(0), here).unwrap())
            .collect();
        eventually("the monitor has seen it", || {
            runtime.metrics().stalls.computing > 0
        });
        for _ in 0..10 {
            let spread = Builder::new().place(Place::Spread);
            let elsewhere = runtime.spawn_with(spread, here).unwrap();
            assert_ne!(elsewhere.join().unwrap(), Some(0));
        }
        holds.store(0, Ordering::Release);
        hog.unwrap().join().unwrap();
        for routine in bound {
            assert_eq!(routine.join().unwrap(), Some(0));
        }
    });
}

/// Each worker by its number, whose own routines have the same, and nobody else has one.
#[test]
fn a_routine_knows_its_worker() {
    assert_eq!(routine::worker(), None);
    let runtime = workers(3);
    for number in 0..3 {
        let at = |place| Builder::new().place(place).spawn(routine::worker).unwrap();
        let found = runtime.run(move || at(Place::Key(number)).join().unwrap());
        assert_eq!(found, Some(number as usize));
        let own = runtime.run(move || at(Place::Own).join().unwrap());
        assert_eq!(own, None);
    }
    assert_eq!(runtime.run(|| routine::blocking(routine::worker)), None);
}

/// Keys with a stride go everywhere when they are hashed, and each always to the same.
#[test]
fn hashed_keys_are_spread() {
    let runtime = workers(2);
    let homes = |keys: Vec<String>| -> Vec<_> {
        let at = |key: &String| {
            Builder::new()
                .place(Place::key_of(key))
                .spawn(routine::worker)
        };
        runtime.run(|| {
            keys.iter()
                .map(|key| at(key).unwrap().join().unwrap())
                .collect()
        })
    };
    let keys: Vec<_> = (0..100).map(|i| format!("user {}", i * 10)).collect();
    let found = homes(keys.clone());
    for number in 0..2 {
        let count = found.iter().filter(|&&home| home == Some(number)).count();
        assert!(count >= 25, "{count} of 100 at worker {number}");
    }
    assert_eq!(homes(keys), found);
    assert_eq!(Place::key_of("a"), Place::key_of(&String::from("a")));
}
