//! A pattern that need not match.

use routines::{channel, select};

fn main() {
    let (_tx, rx) = channel::bounded::<u32>(1);
    select! {
        Ok(value) = rx.recv() => println!("{value}"),
        default => {}
    }
}
