//! Calls that block, where the system does not play along: no threads, a resolver that does not answer.

use std::io::{BufRead, stdin};
use std::panic::{self, AssertUnwindSafe};

use rust_routines::channel;
use rust_routines::net::{TcpListener, TcpStream, ToSocketAddrs};
use rust_routines::routine;
use rust_routines::runtime::{self, Runtime};
use rust_routines::time::{self, Duration};
use rust_routines_tests::eventually;

fn one_of_each() -> Runtime {
    let builder = runtime::Builder::new().workers(1);
    let built = builder.blocking_threads(1).lookup_threads(1).build();
    built.expect("one worker")
}

/// A name is looked up and the system's resolver hangs, until the test lets it go on.
pub(crate) fn lookups_hang() {
    let runtime = one_of_each();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let at = listener.local_addr().expect("it is bound");
    let written = runtime.spawn(move || {
        let ways = (
            TcpStream::connect(at),
            TcpStream::connect(at.to_string()),
            TcpStream::connect(("127.0.0.1", at.port())),
        );
        ways.0.is_ok() && ways.1.is_ok() && ways.2.is_ok()
    });
    println!(
        "addresses={}",
        written.join().expect("it connects or does not")
    );
    println!("threads.before={}", runtime.metrics().lookups.threads);

    let connects = runtime.spawn(move || TcpStream::connect(("localhost", at.port())));
    eventually("the name is looked up", || {
        let lookups = runtime.metrics().lookups;
        lookups.threads == 1 && lookups.queued == 0 && lookups.idle == 0
    });
    println!("mate={:?}", runtime.spawn(|| 7).join());
    let blocking = runtime.spawn(|| routine::blocking(|| 8));
    println!("blocking={:?}", blocking.join());

    let limited = runtime.spawn(move || {
        let connect = || TcpStream::connect(("localhost", at.port())).map(drop);
        let limited = time::timeout(Duration::from_millis(5), connect);
        limited.is_err()
    });
    println!("elapsed={:?}", limited.join());
    println!("queued={}", runtime.metrics().lookups.queued);

    let other = one_of_each();
    let leaves = other.spawn(|| "localhost:1".to_socket_addrs().map(drop));
    eventually("the other one is looked up", || {
        other.metrics().lookups.threads == 1
    });
    let ended = other.shutdown(Duration::from_secs(30));
    println!("shutdown={}", ended.is_ok());
    println!(
        "left={}",
        matches!(leaves.join(), Err(routine::JoinError::Cancelled))
    );
    println!("finished.hung={}", runtime.metrics().lookups.finished);

    println!("hung");
    let connected = connects.join().expect("it connects or does not");
    println!(
        "connected={:?}",
        connected.map(|stream| stream.peer_addr().ok() == Some(at))
    );
    eventually("the one that nobody waits for is left out", || {
        runtime.metrics().lookups.finished == 2
    });
}

/// The test takes away the room for threads' stacks: calls are refused, and no worse comes of it.
pub(crate) fn without_threads() {
    panic::set_hook(Box::new(|_| ()));
    let runtime = one_of_each();
    let (tell, told) = channel::bounded(0);
    // One routine for all, so that no other memory is asked for.
    let calls = runtime.spawn(move || {
        // What panics and errors need the first time.
        assert!(panic::catch_unwind(|| panic!("warm {}", 1)).is_err());
        let mut texts = Vec::with_capacity(1000);
        while told.recv().is_ok() {
            texts.clear();
            texts.extend((0..100).filter_map(|i| refusal(|| routine::blocking(|| i))));
            println!("refused={}", texts.len());
            println!("text={}", texts.first().map_or("", |text| text));
            let name = ("localhost", 1).to_socket_addrs();
            println!(
                "name={:?}",
                name.map(drop).map_err(|error| error.to_string())
            );
            println!("calls done");
        }
    });
    println!("ready");
    while stdin()
        .lock()
        .read_line(&mut String::new())
        .is_ok_and(|read| read > 0)
    {
        tell.send(()).expect("it goes on");
    }
    drop(tell);
    calls.join().expect("refusals are caught");
    println!("threads={}", runtime.metrics().blocking.threads);
}

/// What `call` says in its panic.
fn refusal<T>(call: impl FnOnce() -> T) -> Option<String> {
    let payload = panic::catch_unwind(AssertUnwindSafe(call)).err()?;
    Some(
        payload
            .downcast_ref::<String>()
            .cloned()
            .unwrap_or_default(),
    )
}
