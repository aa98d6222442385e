//! The tree: as routines that send to their parent's channel, and as routines whose handles are joined.

use rust_routines::channel::{self, Sender};
use rust_routines::routine;

use crate::sample::Sample;
use crate::sides::work::{check_sum, timed, warm_up};

/// A tree with `n` leaves, and the most stacks that were ever in use.
pub(crate) fn run(n: u64) -> Sample {
    let runtime = super::runtime();
    let elapsed = runtime.run(|| {
        with_channels(warm_up(n, 10));
        timed(|| with_channels(n))
    });
    let stacks = stacks_high_water(&runtime);
    let joined = runtime.run(|| timed(|| check_sum(n, with_handles(0, n))));
    Sample::millis(elapsed)
        .with("stacks_high_water", stacks)
        .with("joined_ms", joined.as_secs_f64() * 1e3)
        .with("joined_stacks_high_water", stacks_high_water(&runtime))
}

/// The sum of the workers' own high-water marks: no less than what was in use at any one moment.
fn stacks_high_water(runtime: &rust_routines::runtime::Runtime) -> f64 {
    runtime
        .metrics()
        .workers
        .iter()
        .map(|worker| worker.stacks_high_water as f64)
        .sum()
}

fn with_channels(leaves: u64) {
    let (result, sum) = channel::bounded(1);
    routine::spawn(move || node(&result, 0, leaves));
    check_sum(leaves, sum.recv().expect("the root answers"));
}

fn node(result: &Sender<u64>, first: u64, leaves: u64) {
    if leaves == 1 {
        result.send(first).expect("the parent waits");
        return;
    }
    let (children, sums) = channel::bounded(10);
    for i in 0..10 {
        let children = children.clone();
        routine::spawn(move || node(&children, first + i * (leaves / 10), leaves / 10));
    }
    let sum = (0..10)
        .map(|_| sums.recv().expect("ten children answer"))
        .sum();
    result.send(sum).expect("the parent waits");
}

fn with_handles(first: u64, leaves: u64) -> u64 {
    if leaves == 1 {
        return first;
    }
    let child = |i| routine::spawn(move || with_handles(first + i * (leaves / 10), leaves / 10));
    let children: [_; 10] = std::array::from_fn(|i| child(i as u64));
    children
        .into_iter()
        .map(|child| child.join().expect("a child does not panic"))
        .sum()
}
