//! The sum of a million numbers, in chunks that routines add up side by side.
//! `main.go` beside it is the same program in Go; the two print the same.
//!
//! What differs: the sums come back through the handles, where Go needs a channel
//! for each; and what the routines share is behind an `Arc`, because a routine may
//! outlive the one that spawned it.
#![forbid(unsafe_code)]

use std::sync::Arc;

use rust_routines::routine;

const PIECES: usize = 8;

#[rust_routines::main]
fn main() {
    let numbers: Arc<[u64]> = (1..=1_000_000).collect();
    let size = numbers.len() / PIECES;

    let handles: Vec<_> = (0..PIECES)
        .map(|piece| {
            let numbers = Arc::clone(&numbers);
            routine::spawn(move || {
                numbers[piece * size..(piece + 1) * size]
                    .iter()
                    .sum::<u64>()
            })
        })
        .collect();

    let mut total = 0;
    for (piece, handle) in handles.into_iter().enumerate() {
        let part = handle.join().expect("adding numbers does not panic");
        println!("chunk {piece}: {part}");
        total += part;
    }
    println!("total: {total}");
}
