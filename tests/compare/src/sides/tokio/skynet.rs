//! The tree: as tasks that send to their parent's channel, and as tasks whose handles are awaited.

use std::pin::Pin;
use std::time::Instant;

use ::tokio::sync::mpsc;

use crate::sample::Sample;
use crate::sides::work::{check_sum, warm_up};

/// A future that names itself has to be boxed somewhere.
type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A tree with `n` leaves.
pub(crate) fn run(n: u64) -> Sample {
    super::run(async move {
        with_channels(warm_up(n, 10)).await;
        let start = Instant::now();
        with_channels(n).await;
        let sample = Sample::millis(start.elapsed());
        let start = Instant::now();
        check_sum(n, with_handles(0, n).await);
        sample.with("joined_ms", start.elapsed().as_secs_f64() * 1e3)
    })
}

async fn with_channels(leaves: u64) {
    let (result, mut sum) = mpsc::channel(1);
    ::tokio::spawn(node(result, 0, leaves));
    check_sum(leaves, sum.recv().await.expect("the root answers"));
}

fn node(result: mpsc::Sender<u64>, first: u64, leaves: u64) -> Boxed<()> {
    Box::pin(async move {
        if leaves == 1 {
            result.send(first).await.expect("the parent waits");
            return;
        }
        let (children, mut sums) = mpsc::channel(10);
        for i in 0..10 {
            ::tokio::spawn(node(
                children.clone(),
                first + i * (leaves / 10),
                leaves / 10,
            ));
        }
        let mut sum = 0;
        for _ in 0..10 {
            sum += sums.recv().await.expect("ten children answer");
        }
        result.send(sum).await.expect("the parent waits");
    })
}

fn with_handles(first: u64, leaves: u64) -> Boxed<u64> {
    Box::pin(async move {
        if leaves == 1 {
            return first;
        }
        let child = |i| ::tokio::spawn(with_handles(first + i * (leaves / 10), leaves / 10));
        let children: [_; 10] = std::array::from_fn(|i| child(i as u64));
        let mut sum = 0;
        for child in children {
            sum += child.await.expect("a child does not panic");
        }
        sum
    })
}
