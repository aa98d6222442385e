//! Long-lived connections, accepted by the plainest of loops, are spread over the workers; only they.
//!
//! A thousand of them take two thousand descriptors, more than many systems give a process by default;
//! so they live in a child with a limit of its own (`scenario/connections.rs`).

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};

use rust_routines::channel;
use rust_routines::net::{self, TcpListener};
use rust_routines::routine::{self, Builder, Place};
use rust_routines_tests::process::{run, with_files};
use rust_routines_tests::wait::spin_until;
use rust_routines_tests::watched;

use super::{Meeting, workers};

/// The accept loop, and the one beside it, live somewhere too.
const OTHERS: usize = 2;

/// A server with so many connections on so many workers, one burst every `burst` milliseconds; what
/// else there is, `scenario/connections.rs` explains.
#[track_caller]
fn assert_spread(workers: usize, connections: usize, burst: &str, beside: &str) {
    let mut command = with_files(4200, env!("CARGO_BIN_EXE_scenario"));
    let numbers = [workers, connections].map(|number| number.to_string());
    command.arg("connections").args(numbers);
    let ended = run(command.args([burst, beside])).success();
    assert_eq!(ended.stderr, "");
    let live: Vec<usize> = ended
        .value("live")
        .split(',')
        .map(|live| live.parse().unwrap())
        .collect();
    assert_eq!(live.len(), workers);
    let all: usize = live.iter().sum();
    assert!(
        (connections..=connections + OTHERS).contains(&all),
        "{live:?}"
    );
    let most = connections * 3 / 2 / workers + OTHERS;
    assert!(
        live.iter().all(|&live| live <= most),
        "more than 1.5 times its share: {live:?}"
    );
}

#[test]
fn one_per_millisecond() {
    for workers in [2, 4] {
        assert_spread(workers, 1000, "1", "quiet");
    }
}

#[test]
fn bursts_of_fifty() {
    for workers in [2, 4] {
        assert_spread(workers, 1000, "50", "quiet");
    }
}

#[test]
fn one_per_millisecond_beside_a_busy_worker() {
    for workers in [2, 4] {
        assert_spread(workers, 1000, "1", "busy");
    }
}

#[test]
fn bursts_of_fifty_beside_a_busy_worker() {
    for workers in [2, 4] {
        assert_spread(workers, 1000, "50", "busy");
    }
}

/// After a restart under load the clients are there before the accept loop, which never has to wait.
#[test]
fn those_that_were_there_before_the_accept_loop() {
    for workers in [2, 4] {
        for connections in [200, 1000] {
            assert_spread(workers, connections, "all", "quiet");
        }
    }
}

/// The last wait of an accept loop that limits its connections is not for a socket.
#[test]
fn by_a_loop_that_waits_for_a_permit_for_each() {
    for workers in [2, 4] {
        for connections in [200, 1000] {
            assert_spread(workers, connections, "all", "limited");
        }
        assert_spread(workers, 200, "1", "limited");
    }
}

/// Fifty come while a worker computes for a second without letting go. All of them are served in the
/// end, and it has got no more than its share; when those are served that it has got is not said here.
#[test]
fn while_a_worker_computes_for_a_second() {
    for workers in [2, 4] {
        assert_spread(workers, 50, "10", "computing");
    }
}

/// Whether a child with no place of its own runs here, at `home`.
fn stays(home: ThreadId) -> bool {
    let child = routine::spawn(|| thread::current().id());
    // One that was given to the other worker, which computes, does not start now.
    for _ in 0..100 {
        if child.is_finished() {
            return child.join().unwrap() == home;
        }
        routine::yield_now();
    }
    false
}

/// Accepts a connection that has been there before, lets `between` deal with it, and says which of
/// three children with no place of their own stay with their parent.
///
/// The other worker computes meanwhile: it takes nothing away, and has less than this one, so it
/// gets what is spread.
fn stay_after(between: impl FnOnce(net::TcpStream) + Send + 'static) -> [bool; 3] {
    let runtime = workers(2);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (meeting, over) = (Meeting::new(), Arc::new(AtomicBool::new(false)));
    let (meets, is_over) = (meeting.clone(), over.clone());
    let computes = runtime.spawn(move || {
        meets.meet();
        spin_until("told to end", || is_over.load(Ordering::SeqCst));
    });
    let accepts = runtime.spawn(move || {
        let home = meeting.meet();
        let (ends, end) = channel::bounded::<()>(0);
        let mates: Vec<_> = (0..5)
            .map(|_| {
                let end = end.clone();
                routine::spawn(move || end.recv().is_err())
            })
            .collect();
        // They start here, and live here.
        (0..10).for_each(|_| routine::yield_now());
        between(listener.accept().unwrap().0);
        let stay = [home; 3].map(stays);
        over.store(true, Ordering::SeqCst);
        drop(ends);
        for mate in mates {
            assert!(mate.join().unwrap());
        }
        stay
    });
    computes.join().unwrap();
    accepts.join().unwrap()
}

/// The handler of a connection is spread, what the accept loop spawns besides is not.
#[test]
fn only_the_first_child_after_a_connection_is_spread() {
    watched(|| {
        assert_eq!(stay_after(drop), [false, true, true]);
        // It has not started when the next one is spawned.
        let handler = |stream| drop(routine::spawn(move || drop(stream)));
        assert_eq!(stay_after(handler), [true; 3]);
    });
}

#[test]
fn a_handler_with_a_place_is_the_first_child() {
    watched(|| {
        for place in [Place::Own, Place::Spread] {
            let stay = stay_after(move |stream| {
                let builder = Builder::new().place(place);
                drop(builder.spawn(move || drop(stream)).unwrap());
            });
            assert_eq!(stay, [true; 3], "{place:?}");
        }
    });
}

/// Handed over through a channel: the loop may be one that waits for a permit there, so its next child
/// may be the handler. Not those after it.
#[test]
fn a_connection_that_is_handed_over_spreads_one_child_at_most() {
    watched(|| {
        let stay = stay_after(|stream| {
            let (gives, takes) = channel::bounded(1);
            gives.send(stream).unwrap();
            drop(takes.recv().unwrap());
        });
        assert_eq!(stay[1..], [true; 2]);
    });
}
