//! Every way to park, one after the other in a seeded random order.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rust_routines::channel::{self, Receiver, Sender};
use rust_routines::routine;
use rust_routines::sync::{Mutex, WaitGroup};
use rust_routines::time::Duration;

/// What all routines of a test park on together.
pub(crate) struct Common {
    lock: Mutex<u64>,
    /// Buffers one value, so a send sometimes parks; what is sent is received by whoever comes.
    pair: (Sender<u64>, Receiver<u64>),
}

impl Common {
    pub(crate) fn new() -> Arc<Common> {
        Arc::new(Common {
            lock: Mutex::new(0),
            pair: channel::bounded(1),
        })
    }
}

/// Parks in `rounds` ways and calls `check` after each.
pub(crate) fn park_in_many_ways(
    common: &Common,
    seed: u64,
    rounds: usize,
    mut check: impl FnMut(&str),
) {
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..rounds {
        let way = random.random_range(0..WAYS.len());
        let (name, park) = WAYS[way];
        park(common, &mut random);
        check(name);
    }
}

type Way = (&'static str, fn(&Common, &mut StdRng));

const WAYS: [Way; 10] = [
    ("yield", |_, _| routine::yield_now()),
    ("sleep", |_, random| {
        routine::sleep(Duration::from_micros(random.random_range(1..2000)));
    }),
    ("channel", |common, _| {
        // Everybody sends one and receives one, so nobody waits for ever.
        let sender = common.pair.0.clone();
        let sent = routine::spawn(move || sender.send(1).unwrap());
        assert_eq!(common.pair.1.recv(), Ok(1));
        sent.join().unwrap();
    }),
    ("rendezvous", |_, _| {
        let (ask, question) = channel::bounded(0);
        let (answer, answers) = channel::bounded(0);
        routine::spawn(move || answer.send(question.recv().unwrap() + 1).unwrap());
        ask.send(1).unwrap();
        assert_eq!(answers.recv(), Ok(2));
    }),
    ("recv_timeout", |_, _| {
        let (_sender, receiver) = channel::bounded::<u64>(1);
        assert!(receiver.recv_timeout(Duration::from_micros(300)).is_err());
    }),
    ("join", |_, random| {
        let n: u64 = random.random();
        assert_eq!(routine::spawn(move || n ^ 1).join().unwrap(), n ^ 1);
    }),
    ("park", |_, _| {
        let me = routine::current().unwrap();
        routine::spawn(move || me.unpark());
        routine::park();
    }),
    ("mutex", |common, _| {
        let mut count = common.lock.lock();
        *count += 1;
        // Held across a park, so that others queue up.
        routine::yield_now();
        *count += 1;
        assert_eq!(*count % 2, 0, "somebody else was in here");
    }),
    ("wait group", |_, _| {
        let group = Arc::new(WaitGroup::new());
        group.add(2);
        for _ in 0..2 {
            let group = group.clone();
            routine::spawn(move || group.done());
        }
        group.wait();
    }),
    ("with_stack", |_, _| {
        routine::with_stack(64 << 10, || {
            routine::yield_now();
            routine::sleep(Duration::from_micros(50));
        });
    }),
];
