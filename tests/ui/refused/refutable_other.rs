//! A pattern of another type.

use routines::{channel, select};

fn main() {
    let (_tx, rx) = channel::bounded::<u32>(1);
    select! {
        Some(v) = rx.recv() => println!("{v}"),
        default => {}
    }
}
