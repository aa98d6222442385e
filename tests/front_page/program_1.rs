//! Program (1) of the front page, from a plain `fn main`.
#![forbid(unsafe_code)]

use std::time::Duration;

use rust_routines::routine;

fn main() {
    routine::spawn(|| println!("hi"));
    let data = vec![1, 2, 3];
    routine::spawn(move || println!("{data:?}"));
    routine::yield_now();
    routine::sleep(Duration::from_secs(1));
}
