//! Sockets, in a process whose descriptors can be counted and used up.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rust_routines::net::{TcpListener, TcpStream};
use rust_routines::routine::{self, Builder, Place};
use rust_routines::runtime::{self, Runtime};
use rust_routines::sync::WaitGroup;
use rust_routines::time::Duration;
use rust_routines_tests::eventually;
use rust_routines_tests::probe::Process;

fn workers(n: usize) -> Runtime {
    let builder = runtime::Builder::new().workers(n);
    builder.build().expect("workers")
}

fn listen() -> TcpListener {
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

/// One routine at each worker waits for a socket that it has, though there is no descriptor left.
fn wait_without_files(runtime: &Runtime, pairs: Vec<(TcpStream, TcpStream)>) -> usize {
    let (writers, waiting): (Vec<TcpStream>, Vec<_>) = pairs
        .into_iter()
        .map(|(writer, mut reader)| {
            let wait = move || reader.read(&mut [0]).expect("it can be waited for");
            let spread = Builder::new().place(Place::Spread);
            (writer, runtime.spawn_with(spread, wait).expect("a stack"))
        })
        .unzip();
    eventually("all have started", || {
        runtime
            .metrics()
            .workers
            .iter()
            .all(|worker| worker.live > 0)
    });
    for mut writer in &writers {
        writer.write_all(b"!").expect("it is open");
    }
    let read = waiting
        .into_iter()
        .map(|waits| waits.join().expect("a byte"));
    read.sum()
}

/// An accept loop that runs out of descriptors, while ten clients wait.
pub(crate) fn out_of_files() {
    const CLIENTS: usize = 10;
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
    let mut files = Vec::new();
    let error = loop {
        match File::open("/dev/null") {
            Ok(file) => files.push(file),
            Err(error) => break error,
        }
    };
    assert_ne!(error.kind(), ErrorKind::NotFound, "{error}");
    println!("waited={}", wait_without_files(&runtime, pairs));
    // Those pairs have gone with their readers.
    while let Ok(file) = File::open("/dev/null") {
        files.push(file);
    }
    let error = listener.accept_once().expect_err("no descriptor is left");
    println!("accept_once={error}");
    let accepted = Arc::new(AtomicUsize::new(0));
    let counts = accepted.clone();
    let serves = runtime.spawn(move || {
        for _ in 0..CLIENTS {
            let (stream, _) = listener.accept().expect("it goes on");
            counts.fetch_add(1, Ordering::SeqCst);
            routine::spawn(move || echo(stream));
        }
    });
    // It has come back from several pauses and has found nothing better.
    let switches = || -> u64 {
        let metrics = runtime.metrics();
        metrics.workers.iter().map(|worker| worker.switches).sum()
    };
    let before = switches();
    eventually("it has tried again", || switches() > before + 4);
    println!("accepted.short={}", accepted.load(Ordering::SeqCst));
    drop(files);
    serves.join().expect("it goes on");
    println!("accepted={}", accepted.load(Ordering::SeqCst));
    let mut answered = 0;
    for client in &clients {
        client
            .set_read_timeout(Some(Duration::from_secs(30)))
            .expect("it is open");
        ask(client);
        answered += 1;
    }
    println!("answered={answered}");
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
