//! Shards: the keys of one shard live on one worker. Each shard is a routine that owns its counters, and clients
//! ask it over a channel. Routines of one home hand over in tens of nanoseconds; across homes a thread has to
//! be woken. So where the clients of a shard start decides how much a request costs, and nothing else has to be
//! changed: `place` names the shard, and the runtime's placement says where shards live.
//!
//! What is counted is printed, how long it took is said on stderr: `cargo run --release --bin shards`.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use rust_routines::channel::{self, Receiver, Sender};
use rust_routines::routine::{Builder, JoinHandle, Place};
use rust_routines::runtime::{self, Runtime, Spawn, Start};

const SHARDS: u64 = 8;
const CLIENTS: u64 = 4;
const REQUESTS: u64 = 500;

/// Adds one to the counter with this key, and tells what it is now.
struct Request {
    key: u64,
    reply: Sender<u64>,
}

/// What one program found.
struct Outcome {
    /// The requests that were answered.
    answered: u64,
    /// Clients that lived on another worker than their shard.
    apart: usize,
    took: Duration,
}

fn main() -> io::Result<()> {
    let builder = runtime::Builder::new().workers(2);
    let anywhere = serve(&builder.clone().build()?, |_| Place::Spread)?;
    let sharded = builder.placement(|spawn: &Spawn<'_>| match spawn.key() {
        // The default for keys, written out: this is the place to know better.
        Some(shard) => Start::Worker(shard as usize % spawn.workers()),
        None => Start::AsAsked,
    });
    let together = serve(&sharded.build()?, Place::Key)?;

    println!("anywhere: {} requests answered", anywhere.answered);
    println!("together: {} requests answered", together.answered);
    println!("clients apart from their shard: {}", together.apart);
    for (name, outcome) in [("anywhere", &anywhere), ("together", &together)] {
        let each = outcome.took.as_nanos() / u128::from(outcome.answered);
        eprintln!(
            "{name}: {each} ns a request, {} clients apart",
            outcome.apart
        );
    }
    Ok(())
}

/// Starts the shards and their clients where `place` says, and waits for all requests.
fn serve(runtime: &Runtime, place: fn(u64) -> Place) -> io::Result<Outcome> {
    let start = Instant::now();
    let mut shards = Vec::new();
    let mut clients: Vec<(u64, JoinHandle<_>)> = Vec::new();
    for shard in 0..SHARDS {
        let (requests, inbox) = channel::bounded(0);
        let builder = Builder::new()
            .name(format!("shard {shard}"))
            .place(place(shard));
        shards.push(runtime.spawn_with(builder, move || own(&inbox))?);
        for client in 0..CLIENTS {
            let requests = requests.clone();
            let builder = Builder::new().place(place(shard));
            let body = move || ask(shard * 1000 + client, &requests);
            clients.push((shard, runtime.spawn_with(builder, body)?));
        }
    }
    let mut answered = 0;
    let mut homes = Vec::new();
    for (shard, client) in clients {
        let (count, home) = client.join().expect("clients do not panic");
        answered += count;
        homes.push((shard as usize, home));
    }
    // Without clients the channels are disconnected, and the shards end.
    let owners: Vec<_> = shards
        .into_iter()
        .map(|shard| shard.join().expect("shards do not panic"))
        .collect();
    let apart = homes.iter().filter(|(shard, home)| owners[*shard] != *home);
    Ok(Outcome {
        answered,
        apart: apart.count(),
        took: start.elapsed(),
    })
}

/// A shard: its counters need no lock, for nobody else has them. Says where it lived.
fn own(inbox: &Receiver<Request>) -> thread::ThreadId {
    let mut counters: HashMap<u64, u64> = HashMap::new();
    for Request { key, reply } in inbox {
        let counter = counters.entry(key).or_default();
        *counter += 1;
        // A client that has gone does not want to know.
        let _gone = reply.send(*counter);
    }
    thread::current().id()
}

/// A client: the last count that it was told, and where it lived.
fn ask(key: u64, requests: &Sender<Request>) -> (u64, thread::ThreadId) {
    let (reply, told) = channel::bounded(1);
    let mut last = 0;
    for _ in 0..REQUESTS {
        let reply = reply.clone();
        requests
            .send(Request { key, reply })
            .expect("a shard lives as long as its clients");
        last = told.recv().expect("a shard answers");
    }
    (last, thread::current().id())
}
