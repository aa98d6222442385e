//! Sockets, in a process whose descriptors can be counted and used up.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use rust_routines::net::{self, TcpListener, TcpStream};
use rust_routines::routine::{self, Builder, Place};
use rust_routines::runtime::Runtime;
use rust_routines::sync::WaitGroup;
use rust_routines::time::Duration;
use rust_routines_tests::eventually;
use rust_routines_tests::probe::Process;
use rust_routines_tests::wait::spin_until;

fn workers(n: usize) -> Runtime {
    let builder = rust_routines_tests::pinned(n);
    builder.build().expect("workers")
}

pub(crate) fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a free port")
}

/// Answers each byte until the end.
fn echo(mut stream: TcpStream) {
    let mut byte = [0];
    while stream.read(&mut byte).expect("nobody resets") > 0 {
        stream.write_all(&byte).expect("nobody resets");
    }
}

fn ask(mut stream: &TcpStream) {
    stream.write_all(b"?").expect("it is open");
    let mut byte = [0];
    stream.read_exact(&mut byte).expect("an answer");
    assert_eq!(&byte, b"?");
}

/// A routine waits for a socket, and its runtime is dropped.
fn cancelled(listener: &TcpListener) {
    let at = listener.local_addr().expect("it is open");
    let before = Process::own().threads();
    let runtime = workers(1);
    let waits = runtime.spawn(move || {
        let mut stream = TcpStream::connect(at).expect("it listens");
        stream.read(&mut [0]).expect("nobody resets")
    });
    let _server = listener.accept().expect("a call");
    // When the only worker runs this, the other one waits for its socket.
    runtime.run(|| ());
    drop(runtime);
    assert!(waits.join().is_err(), "cancelled");
    // A worker keeps what it waits with for the next runtime: not more of it each time.
    eventually("its threads have ended", || {
        Process::own().threads() == before
    });
}

/// Connects, accepts, waits on both ends and closes, in all the ways there are.
pub(crate) fn cycles() {
    let runtime = workers(2);
    let listener = Arc::new(listen());
    let at = listener.local_addr().expect("it is open");
    let cycle = |n: u32| {
        let accepting = listener.clone();
        let serves = runtime.spawn(move || echo(accepting.accept().expect("a call").0));
        let client = runtime.run(move || {
            let client = TcpStream::connect(at).expect("it listens");
            ask(&client);
            client
        });
        ask(&client);
        match n % 3 {
            0 => drop(client),
            1 => client.close().expect("once"),
            _ => {
                let clone = client.try_clone().expect("it is open");
                drop(client);
                clone.close().expect("once");
            }
        }
        serves.join().expect("the end ends it");
        if n.is_multiple_of(10) {
            cancelled(&listener);
        }
    };
    (0..30).for_each(cycle);
    // What a worker waits with, it makes at the first wait.
    let spread = || Builder::new().place(Place::Spread);
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let wait = move || {
                let stream = TcpStream::connect(at).expect("it listens");
                let limit = Some(Duration::from_millis(10));
                stream.set_read_timeout(limit).expect("not zero");
                (&stream).read(&mut [0]).is_err()
            };
            runtime.spawn_with(spread(), wait).expect("a stack")
        })
        .collect();
    for waits in waiting {
        assert!(waits.join().expect("it times out"));
    }
    // Now that nobody waits: these are the ends of both.
    drop([(); 2].map(|()| listener.accept().expect("the call")));
    let descriptors = || Process::own().descriptors();
    println!("descriptors.before={}", descriptors());
    (0..1000).for_each(cycle);
    println!("descriptors.after={}", descriptors());
    println!("cycles=1000");
}

/// 2,000 clients, all connected before the first one asks, and their server.
pub(crate) fn many() {
    const ALL: isize = 2000;
    let runtime = workers(2);
    let listener = listen();
    let at = listener.local_addr().expect("it is open");
    let serves = runtime.spawn(move || {
        for _ in 0..ALL {
            let (stream, _) = listener.accept().expect("a call");
            routine::spawn(move || echo(stream));
        }
    });
    let here = Arc::new(WaitGroup::new());
    here.add(ALL);
    let answered = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..ALL)
        .map(|_| {
            let (here, answered) = (here.clone(), answered.clone());
            runtime.spawn(move || {
                let client = TcpStream::connect(at).expect("it listens");
                here.done();
                here.wait();
                for _ in 0..3 {
                    ask(&client);
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    here.wait();
    println!("connected={ALL}");
    for client in clients {
        client.join().expect("answers");
    }
    serves.join().expect("calls");
    println!("answered={}", answered.load(Ordering::SeqCst));
}

/// Takes all descriptors that are left, and those that the monitor, which reads what `/proc` says of threads, has for a
/// moment: nobody gets one until some of them are given back.
pub(crate) fn take_files(files: &mut Vec<File>) {
    static LIMIT: OnceLock<usize> = OnceLock::new();
    let limit = *LIMIT.get_or_init(limit_of_files);
    // To read a link takes no descriptor.
    let is_taken = |number: usize| {
        let file = fs::read_link(format!("/proc/self/fd/{number}"));
        file.is_ok_and(|file| !file.starts_with("/proc"))
    };
    eventually("all descriptors are taken", || {
        loop {
            match File::open("/dev/null") {
                Ok(file) => files.push(file),
                Err(error) => {
                    assert_ne!(error.kind(), ErrorKind::NotFound, "{error}");
                    break;
                }
            }
        }
        (0..limit).all(is_taken)
    });
}

/// How many descriptors this process may have.
fn limit_of_files() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").expect("a free descriptor");
    let mut lines = limits.lines();
    let files = lines.find_map(|line| line.strip_prefix("Max open files"));
    let soft = files.and_then(|numbers| numbers.split_whitespace().next());
    soft.expect("a limit").parse().expect("a number")
}

/// Waits until routines have been run `times` times.
fn wait_for_switches(runtime: &Runtime, what: &str, times: u64) {
    let switches = || -> u64 {
        let metrics = runtime.metrics();
        metrics.workers.iter().map(|worker| worker.switches).sum()
    };
    let before = switches();
    eventually(what, || switches() >= before + times);
}

/// Returns when every worker has run something that was spawned here: what ran there before has given
/// its worker up.
fn settle(runtime: &Runtime) {
    let all = runtime.metrics().workers.len();
    let here = Arc::new(AtomicUsize::new(0));
    let meeting: Vec<_> = (0..all)
        .map(|_| {
            let here = here.clone();
            runtime.spawn(move || {
                here.fetch_add(1, Ordering::SeqCst);
                // The worker stays taken.
                spin_until("all are here", || here.load(Ordering::SeqCst) == all);
            })
        })
        .collect();
    for one in meeting {
        one.join().expect("they meet");
    }
}

/// One routine at each worker waits for a socket that it has, though there is no descriptor left.
fn wait_without_files(runtime: &Runtime, pairs: Vec<(TcpStream, TcpStream)>) -> usize {
    let entered = Arc::new(AtomicUsize::new(0));
    let (writers, waiting): (Vec<TcpStream>, Vec<_>) = pairs
        .into_iter()
        .map(|(writer, mut reader)| {
            let entered = entered.clone();
            let wait = move || {
                entered.fetch_add(1, Ordering::SeqCst);
                reader.read(&mut [0]).expect("it can be waited for")
            };
            let spread = Builder::new().place(Place::Spread);
            (writer, runtime.spawn_with(spread, wait).expect("a stack"))
        })
        .unzip();
    eventually("all are about to wait", || {
        entered.load(Ordering::SeqCst) == writers.len()
    });
    settle(runtime);
    assert!(waiting.iter().all(|waits| !waits.is_finished()));
    for mut writer in &writers {
        writer.write_all(b"!").expect("it is open");
    }
    let read = waiting
        .into_iter()
        .map(|waits| waits.join().expect("a byte"));
    read.sum()
}

/// Accepts `clients` connections and answers them; `accepted` counts them.
fn serve(listener: &TcpListener, clients: usize, accepted: &AtomicUsize) {
    for _ in 0..clients {
        let (stream, _) = listener.accept().expect("it goes on");
        accepted.fetch_add(1, Ordering::SeqCst);
        routine::spawn(move || echo(stream));
    }
}

fn ask_in_time(client: &TcpStream) {
    let limit = Some(Duration::from_secs(30));
    client.set_read_timeout(limit).expect("it is open");
    ask(client);
}

/// Descriptors run out; the argument says when.
pub(crate) fn out_of_files() {
    match std::env::args().nth(2).as_deref() {
        None => while_accepting(),
        Some("before-any-wait") => before_any_wait(),
        Some("and-close") => closed_in_a_pause(),
        Some("none-allowed") => none_allowed(),
        Some(other) => panic!("not {other:?}"),
    }
}

/// An accept loop that runs out of descriptors, while ten clients wait. The first ones are accepted one
/// by one, each with the only descriptor that there is.
fn while_accepting() {
    const CLIENTS: usize = 10;
    const ONE_BY_ONE: usize = 3;
    const WORKERS: usize = 4;
    let runtime = workers(WORKERS);
    let listener = listen();
    let at = listener.local_addr().expect("it is open");
    println!("at={at}");
    let pairs: Vec<_> = (0..WORKERS)
        .map(|_| {
            let client = TcpStream::connect(at).expect("it listens");
            (client, listener.accept().expect("the call").0)
        })
        .collect();
    // The system answers them; nobody has accepted.
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| TcpStream::connect(at).expect("it listens"))
        .collect();
    // What workers wait with has to be there before, with the first wait.
    runtime.run(|| {
        let lonely = listen();
        let closes = lonely.try_clone().expect("it is open");
        let accepts = routine::spawn(move || lonely.accept().is_err());
        routine::yield_now();
        closes.close().expect("once");
        assert!(accepts.join().expect("it returns"));
    });
    // Until then the test may do away with our stderr.
    crate::wait_for_end_of_stdin();
    let mut files = Vec::new();
    take_files(&mut files);
    println!("waited={}", wait_without_files(&runtime, pairs));
    // Those pairs have gone with their readers.
    take_files(&mut files);
    let error = listener.accept_once().expect_err("no descriptor is left");
    println!("accept_once={error}");
    let accepted = Arc::new(AtomicUsize::new(0));
    let counts = accepted.clone();
    let serves = runtime.spawn(move || serve(&listener, CLIENTS, &counts));
    // It has come back from several pauses and has found nothing better.
    wait_for_switches(&runtime, "it has tried again", 5);
    println!("accepted.short={}", accepted.load(Ordering::SeqCst));
    for n in 1..=ONE_BY_ONE {
        drop(files.pop());
        eventually("one more is accepted", || {
            accepted.load(Ordering::SeqCst) == n
        });
        wait_for_switches(&runtime, "it has run out again", 5);
    }
    drop(files);
    serves.join().expect("it goes on");
    println!("accepted={}", accepted.load(Ordering::SeqCst));
    clients.iter().for_each(ask_in_time);
    println!("answered={CLIENTS}");
}

/// An accept loop with a worker of its own, where nobody has ever waited for a socket: what is waited
/// with cannot be made any more.
fn before_any_wait() {
    const CLIENTS: usize = 3;
    let runtime = workers(1);
    let listener = listen();
    let at = listener.local_addr().expect("it is open");
    let clients = [(); CLIENTS].map(|()| TcpStream::connect(at).expect("it listens"));
    let mut files = Vec::new();
    take_files(&mut files);
    let accepted = Arc::new(AtomicUsize::new(0));
    let counts = accepted.clone();
    let own = Builder::new().place(Place::Own);
    let serves = runtime.spawn_with(own, move || serve(&listener, CLIENTS, &counts));
    let serves = serves.expect("a worker of its own");
    wait_for_switches(&runtime, "it has tried again", 5);
    println!("accepted.short={}", accepted.load(Ordering::SeqCst));
    drop(files);
    serves.join().expect("it goes on");
    println!("accepted={}", accepted.load(Ordering::SeqCst));
    clients.iter().for_each(ask_in_time);
    println!("answered={CLIENTS}");
}

/// A listener that is closed while its accept loop pauses for a second, for want of descriptors.
fn closed_in_a_pause() {
    // The first seven pauses take 5 ms to 320 ms.
    const PAUSES: u64 = 8;
    let runtime = workers(1);
    let listener = listen();
    let closes = listener.try_clone().expect("it is open");
    let _client = TcpStream::connect(listener.local_addr().expect("it is open"));
    let mut files = Vec::new();
    take_files(&mut files);
    let accepts = runtime.spawn(move || {
        let error = listener.accept().expect_err("no descriptor is left");
        (Instant::now(), error)
    });
    // One for its start, one after each pause: the next one is that of a second.
    wait_for_switches(&runtime, "it makes the long pause", PAUSES + 1);
    let start = Instant::now();
    closes.close().expect("once");
    let (end, error) = accepts.join().expect("it returns");
    println!("closed={}", net::is_closed(&error));
    println!("late.ms={}", end.duration_since(start).as_millis());
}

/// A process whose limit of descriptors is set to zero while it runs, as sandboxes do, waits for the
/// sockets that it has.
fn none_allowed() {
    let runtime = workers(1);
    let listener = listen();
    let at = listener.local_addr().expect("it is open");
    let mut client = TcpStream::connect(at).expect("it listens");
    let (mut server, _) = listener.accept().expect("the call");
    // The only worker sleeps until then: there is nothing else to do.
    let time_out = |mut server: &TcpStream| {
        let short = Some(Duration::from_millis(10));
        server.set_read_timeout(short).expect("it is open");
        let error = server.read(&mut [0]).expect_err("nobody has written");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        server.set_read_timeout(None).expect("it is open");
    };
    runtime.run(|| time_out(&server));
    println!("ready");
    crate::wait_for_end_of_stdin();
    println!("open={}", File::open("/dev/null").is_ok());
    runtime.run(|| time_out(&server));
    let waits = runtime.spawn(move || server.read(&mut [0]).expect("nobody resets"));
    settle(&runtime);
    client.write_all(b"!").expect("it is open");
    println!("read={}", waits.join().expect("a byte"));
}

/// A hundred connections on which nothing happens, with a routine and a thread that wait at each end of
/// one of them; later all of them are used.
pub(crate) fn idle() {
    const CLIENTS: usize = 100;
    let runtime = workers(2);
    let listener = listen();
    let at = listener.local_addr().expect("it is open");
    let closes = listener.try_clone().expect("it is open");
    let serves = runtime.spawn(move || {
        listener
            .incoming()
            .for_each(|stream| drop(routine::spawn(move || echo(stream.expect("a call")))))
    });
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let client = TcpStream::connect(at).expect("it listens");
            ask(&client);
            client
        })
        .collect();
    let mut waits = clients[0].try_clone().expect("it is open");
    let waits = std::thread::spawn(move || waits.read(&mut [0]).expect("nobody resets"));
    println!("ready");
    crate::wait_for_end_of_stdin();
    (&clients[0]).write_all(b"!").expect("it is open");
    assert_eq!(waits.join().expect("an answer"), 1);
    clients.iter().for_each(ask);
    println!("answered={CLIENTS}");
    closes.close().expect("once");
    serves.join().expect("it ends");
}
