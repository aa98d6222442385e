//! Program (3) of the front page, from a plain `fn main`.
//!
//! With receivers that have nothing yet, and then with one that has: each arm prints what it says.
#![forbid(unsafe_code)]

use rust_routines::{channel, select};

fn main() {
    let (tx1, rx1) = channel::bounded(1);
    let (_tx2, rx2) = channel::bounded::<i32>(1);
    for _ in 0..2 {
        select! {
            val = rx1.recv() => println!("{val:?}"),
            val = rx2.recv() => println!("{val:?}"),
            default => println!("No data available"),
        }
        tx1.send(42).unwrap();
    }
}
