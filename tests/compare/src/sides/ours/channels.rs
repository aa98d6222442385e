//! Hand-overs between routines, over channels without a buffer.

use std::time::{Duration, Instant};

use rust_routines::channel::{self, Receiver, Sender};
use rust_routines::routine::Place;

use super::homes::{self, Placed};
use crate::sample::Sample;
use crate::sides::work::{RING, warm_up};

/// What a partner or a node runs: boxed, because how it is placed is a parameter.
type Body = Box<dyn FnOnce() + Send>;

/// A value to a partner at the same home and back, `n` times.
pub(crate) fn ping_pong_near(n: u64) -> Sample {
    super::run(|| trips_with(n, homes::here))
}

/// A value to a partner at another home and back, `n` times.
pub(crate) fn ping_pong_across(n: u64) -> Sample {
    super::run(|| trips_with(n, homes::elsewhere))
}

fn trips_with(n: u64, place: impl FnOnce(Body) -> Placed<()>) -> Sample {
    let (ping, pinged) = channel::bounded(0);
    let (pong, ponged) = channel::bounded(0);
    let partner = place(Box::new(move || {
        while let Ok(value) = pinged.recv() {
            pong.send(value).expect("the other side waits for it");
        }
    }));
    let trips = |n: u64| {
        for i in 0..n {
            ping.send(i).expect("the partner is there");
            ponged.recv().expect("the partner is there");
        }
    };
    trips(warm_up(n, 1));
    let start = Instant::now();
    trips(n);
    let elapsed = start.elapsed();
    drop(ping);
    partner.join();
    Sample::per_unit(elapsed, n)
}

/// A token passed `n` hops round a ring of routines at one home.
pub(crate) fn ring_near(n: u64) -> Sample {
    ring(n, homes::here)
}

/// The same with each routine placed by itself: with two workers, neighbours mostly live apart.
pub(crate) fn ring_spread(n: u64) -> Sample {
    ring(n, |node| homes::anywhere(Place::Spread, node))
}

fn ring(n: u64, place: impl Fn(Body) -> Placed<()> + Copy + Send) -> Sample {
    super::run(move || {
        hops(warm_up(n, RING as u64), place);
        let (elapsed, crossing) = hops(n, place);
        Sample::per_unit(elapsed, n).with("crossing_hops_share", crossing)
    })
}

/// The time of `n` hops, and the share of neighbours that live at different homes.
fn hops(n: u64, place: impl Fn(Body) -> Placed<()>) -> (Duration, f64) {
    let (mut senders, receivers): (Vec<_>, Vec<_>) = (0..RING).map(|_| channel::bounded(0)).unzip();
    let first = senders[0].clone();
    senders.rotate_left(1);
    let (finished, end) = channel::bounded(1);
    let nodes: Vec<_> = receivers
        .into_iter()
        .zip(senders)
        .map(|(from, to)| {
            let finished = finished.clone();
            place(Box::new(move || node(&from, &to, &finished)))
        })
        .collect();
    let homes: Vec<_> = nodes.iter().map(|node| node.home).collect();
    let crossing = (0..RING)
        .filter(|i| homes[*i] != homes[(i + 1) % RING])
        .count();
    let start = Instant::now();
    first.send(n).expect("the ring is there");
    let end = end.recv().expect("the token comes to its end");
    drop(first);
    nodes.into_iter().for_each(Placed::join);
    (end - start, crossing as f64 / RING as f64)
}

/// Passes tokens on, counting them down; who receives 0 reports the time and ends, and so do then all others.
fn node(from: &Receiver<u64>, to: &Sender<u64>, finished: &Sender<Instant>) {
    while let Ok(token) = from.recv() {
        if token == 0 {
            finished
                .send(Instant::now())
                .expect("the time is waited for");
            return;
        }
        to.send(token - 1).expect("the next node is there");
    }
}
