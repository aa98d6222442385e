//! Work that blocks, on threads of tokio's pool.

use std::time::Instant;

use crate::sample::Sample;
use crate::sides::work::warm_up;

/// An empty call, there and back.
pub(crate) fn call(n: u64) -> Sample {
    async fn calls(n: u64) {
        for i in 0..n {
            let there = ::tokio::task::spawn_blocking(move || i).await;
            assert_eq!(there.expect("it does not panic"), i);
        }
    }
    super::run(async move {
        calls(warm_up(n, 1)).await;
        let start = Instant::now();
        calls(n).await;
        Sample::per_unit(start.elapsed(), n)
    })
}
