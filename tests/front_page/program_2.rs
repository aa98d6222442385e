//! Program (2) of the front page, from a plain `fn main`.
//!
//! As written it does not wait for its routines, and a process ends with its `main`. So that there
//! is an output to check, `main` goes on until both have ended; the program itself is not touched.
#![forbid(unsafe_code)]

use rust_routines::{channel, routine, runtime};
use rust_routines_tests::eventually;

fn main() {
    let (tx, rx) = channel::bounded(10);
    routine::spawn(move || tx.send(42).unwrap());
    routine::spawn(move || println!("{}", rx.recv().unwrap()));

    eventually("both routines have ended", || {
        runtime::global().metrics().live() == 0
    });
}
