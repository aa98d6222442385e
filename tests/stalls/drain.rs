//! A worker that drains goes on with what lives there: timers, sockets, locks; and a shutdown meanwhile.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rust_routines::routine::{self, Place};
use rust_routines::{channel, net, runtime, sync, time};
use rust_routines_tests::probe::Process;
use rust_routines_tests::wait::eventually;
use rust_routines_tests::watched;

use super::pinned;

const WORKERS: usize = 4;
const MOMENT: Duration = Duration::from_millis(20);

/// One routine at each worker, which does `body` when all stand there.
fn everywhere<T: Send + 'static>(
    runtime: &runtime::Runtime,
    body: impl Fn() -> T + Send + Sync + 'static,
) -> Vec<routine::JoinHandle<T>> {
    let body = Arc::new(body);
    let (tx, rx) = channel::bounded(WORKERS);
    let all = (0..WORKERS)
        .map(|_| {
            let (body, tx) = (body.clone(), tx.clone());
            let place = routine::Builder::new().place(Place::Spread);
            let started = move || {
                tx.send(thread::current().id()).unwrap();
                body()
            };
            runtime.spawn_with(place, started).unwrap()
        })
        .collect();
    let homes: std::collections::HashSet<_> = (0..WORKERS).map(|_| rx.recv().unwrap()).collect();
    assert_eq!(homes.len(), WORKERS, "one at each");
    all
}

fn drained(runtime: &runtime::Runtime) {
    eventually("those that are too many have ended", || {
        let metrics = runtime.metrics();
        metrics.active == 1 && metrics.draining == 0
    });
}

#[test]
fn timers_and_locks_go_on() {
    watched(|| {
        let runtime = pinned(WORKERS);
        let go = Arc::new(sync::Latch::new(1));
        let lock = Arc::new(sync::Mutex::new(0));
        let (of_all, counted) = (go.clone(), lock.clone());
        let all = everywhere(&runtime, move || {
            of_all.wait();
            for _ in 0..10 {
                let mut count = counted.lock();
                time::sleep(Duration::from_millis(1));
                *count += 1;
            }
        });
        runtime.set_workers(1).unwrap();
        assert_eq!(runtime.metrics().draining, WORKERS - 1, "they live there");
        go.count_down();
        for handle in all {
            handle.join().unwrap();
        }
        assert_eq!(*lock.lock(), 10 * WORKERS);
        drained(&runtime);
    });
}

/// What was set to run later fires although the thread of its table has gone, and can be stopped, set
/// anew, and fire when the number is used again.
#[test]
fn timers_of_a_worker_that_has_gone_fire() {
    watched(|| {
        let runtime = pinned(WORKERS);
        let (tx, rx) = channel::bounded(4 * WORKERS);
        let all = everywhere(&runtime, move || {
            let (once, again) = (tx.clone(), tx.clone());
            time::after_func(MOMENT, move || once.send("once").unwrap());
            time::after_func(Duration::from_secs(3600), move || {
                again.send("again").unwrap();
            })
        });
        let far: Vec<_> = all
            .into_iter()
            .map(|handle| handle.join().unwrap())
            .collect();
        runtime.set_workers(1).unwrap();
        for _ in 0..WORKERS {
            assert_eq!(rx.recv().unwrap(), "once");
        }
        drained(&runtime);
        for timer in &far {
            assert!(timer.reset(MOMENT), "it was set");
        }
        for _ in 0..WORKERS {
            assert_eq!(rx.recv().unwrap(), "again");
        }
        runtime.set_workers(WORKERS).unwrap();
        for timer in &far {
            assert!(!timer.reset(MOMENT), "it has run");
        }
        for _ in 0..WORKERS {
            assert_eq!(rx.recv().unwrap(), "again");
        }
        assert!(far.iter().all(|timer| !timer.stop()));
    });
}

/// Sockets that are waited for at a worker that drains, and sockets it has watched for others.
#[test]
fn sockets_go_on() {
    watched(|| {
        let runtime = pinned(WORKERS);
        let listener = runtime.run(|| net::TcpListener::bind("127.0.0.1:0").unwrap());
        let address = listener.local_addr().unwrap();
        let listener = Arc::new(listener);
        let of_all = listener.clone();
        let all = everywhere(&runtime, move || {
            let (mut stream, _) = of_all.accept().unwrap();
            let mut byte = [0];
            while stream.read(&mut byte).unwrap() == 1 {
                stream.write_all(&byte).unwrap();
            }
            stream
        });
        let mut clients: Vec<_> = (0..WORKERS)
            .map(|_| std::net::TcpStream::connect(address).unwrap())
            .collect();
        let echo = |clients: &mut Vec<std::net::TcpStream>| {
            for client in clients {
                client.write_all(b"x").unwrap();
                client.read_exact(&mut [0]).unwrap();
            }
        };
        echo(&mut clients);
        runtime.set_workers(1).unwrap();
        echo(&mut clients);
        assert_eq!(runtime.metrics().draining, WORKERS - 1, "they live there");
        drop(clients);
        let streams: Vec<_> = all
            .into_iter()
            .map(|handle| handle.join().unwrap())
            .collect();
        drained(&runtime);
        drop(streams);
        // The listener was watched by one of those that have gone, perhaps.
        let accepts = runtime.spawn(move || listener.accept().map(drop));
        let client = std::net::TcpStream::connect(address).unwrap();
        accepts.join().unwrap().unwrap();
        drop(client);
    });
}

#[test]
fn a_shutdown_ends_those_that_drain_and_those_that_have_gone() {
    watched(|| {
        for live in [false, true] {
            let builder = rust_routines_tests::pinned(WORKERS).name("gone");
            let runtime = builder.build().unwrap();
            let fired = Arc::new(AtomicBool::new(false));
            let of_all = fired.clone();
            let all = everywhere(&runtime, move || {
                let fired = of_all.clone();
                let timer = time::after_func(Duration::from_secs(3600), move || {
                    fired.store(true, Ordering::SeqCst);
                });
                if live {
                    routine::park();
                }
                timer
            });
            runtime.set_workers(1).unwrap();
            if !live {
                let is_worker = |name: &String| name.starts_with("gone-worker");
                eventually("all threads but one have left", || {
                    let names = Process::own().thread_names();
                    names.into_iter().filter(is_worker).count() == 1
                });
            }
            runtime.shutdown(Duration::from_secs(20)).unwrap();
            for handle in all {
                match handle.join() {
                    Ok(timer) => assert!(!timer.reset(Duration::ZERO), "its table is closed"),
                    Err(error) => assert!(live, "{error:?}"),
                }
            }
            assert!(!fired.load(Ordering::SeqCst));
        }
    });
}
