//! A type that the result has not.

use routines::{channel, select};

fn main() {
    let (_tx, rx) = channel::bounded::<u32>(1);
    select! {
        v: u32 = rx.recv() => println!("{v}"),
        default => {}
    }
}
