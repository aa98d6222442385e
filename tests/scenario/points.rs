//! Routines that are cancelled at waits for which a process has to be alone: descriptors are counted or used up, the
//! resolver hangs.
//!
//! There is one worker, and what cancels is a routine of it: it knows when the other one has blocked.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use rust_routines::net::{TcpStream, ToSocketAddrs};
use rust_routines::routine::{JoinError, JoinHandle};
use rust_routines::runtime::{self, Runtime};
use rust_routines_tests::drops::Drops;
use rust_routines_tests::eventually;
use rust_routines_tests::wait::{abort, blocked, turns, yield_until};

use crate::sockets::{listen, take_files};

/// So long that it is over only when something has gone wrong.
const HOUR: Duration = Duration::from_secs(3600);

fn one_worker() -> Runtime {
    let builder = runtime::Builder::new().workers(1).lookup_threads(1);
    builder.build().expect("one worker")
}

/// Cancels one that has blocked; it ends at once, by nothing else.
#[track_caller]
fn cancel<T>(front: JoinHandle<T>, from_afar: bool) {
    abort(&front, from_afar);
    turns();
    assert!(front.is_finished(), "it waits no longer");
    assert!(matches!(front.join(), Err(JoinError::Cancelled)));
}

/// How many sockets the process has.
fn sockets() -> usize {
    let own = fs::read_dir("/proc/self/fd").expect("procfs");
    own.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}

/// Calls a listener, at the address in the argument, whose queue is full: it answers nobody.
pub(crate) fn in_a_connect() {
    let at = std::env::args().nth(2).expect("an address");
    let at: SocketAddr = at.parse().expect("an address");
    let before = sockets();
    one_worker().run(|| {
        for (limited, from_afar) in [(false, false), (false, true), (true, false), (true, true)] {
            let drops = Drops::new();
            let tracked = drops.track();
            let front = blocked(move || {
                let _tracked = tracked;
                match limited {
                    false => TcpStream::connect(at),
                    true => TcpStream::connect_timeout(&at, HOUR),
                }
            });
            assert_eq!(sockets(), before + 1, "it waits for its connection");
            cancel(front, from_afar);
            assert_eq!((sockets(), drops.alive()), (before, 0));
        }
    });
}

/// An accept loop has run out of descriptors, while a call waits.
pub(crate) fn in_a_pause() {
    let runtime = one_worker();
    for from_afar in [false, true] {
        let none = sockets();
        let listener = listen();
        let at = listener.local_addr().expect("it is open");
        let call = TcpStream::connect(at).expect("it listens");
        let mut files = Vec::new();
        take_files(&mut files);
        let drops = Drops::new();
        runtime.run(|| {
            let (accepts, tracked) = (listener.try_clone().expect("a count"), drops.track());
            let front = blocked(move || {
                let _tracked = tracked;
                accepts.accept().map(drop)
            });
            cancel(front, from_afar);
            assert_eq!(drops.alive(), 0);
        });
        drop(files);
        runtime.run(|| {
            let (_stream, peer) = listener.accept().expect("the call still waits");
            assert_eq!(peer, call.local_addr().expect("it is open"));
            // Who waits for an edge there is told of it.
            let accepts = listener.try_clone().expect("it is open");
            let waits = blocked(move || accepts.accept().map(drop));
            let _next = TcpStream::connect(at).expect("it listens");
            waits.join().expect("it is told").expect("a call");
            listener.close().expect("nobody has");
        });
        drop(call);
        assert_eq!(sockets(), none, "closed");
    }
}

/// The system's resolver hangs, until the test lets it go on. One is asked for by the only thread, the other one
/// stands in the line.
pub(crate) fn in_a_lookup() {
    let runtimes = [false, true].map(|from_afar| {
        let runtime = one_worker();
        let lookups = || runtime.metrics().lookups;
        runtime.run(|| {
            let drops = Drops::new();
            let looks_up = || {
                let tracked = drops.track();
                blocked(move || {
                    let _tracked = tracked;
                    "localhost:1".to_socket_addrs().map(drop)
                })
            };
            let asked = looks_up();
            yield_until("its thread asks", || {
                let now = lookups();
                (now.threads, now.idle, now.queued) == (1, 0, 0)
            });
            let in_line = looks_up();
            assert_eq!(lookups().queued, 1);
            cancel(asked, from_afar);
            cancel(in_line, from_afar);
            assert_eq!((drops.alive(), lookups().finished), (0, 0));
        });
        runtime
    });
    println!("hung");
    for runtime in &runtimes {
        let next = runtime.run(|| "localhost:1".to_socket_addrs().map(drop));
        next.expect("this one is answered");
        eventually("nothing is left", || {
            let now = runtime.metrics().lookups;
            (now.finished, now.queued) == (3, 0)
        });
    }
}
