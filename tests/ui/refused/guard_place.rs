//! A guard of the pattern.

use routines::{channel, select};

fn main() {
    let (_tx, rx) = channel::bounded::<u32>(1);
    select! {
        Ok(v) if v > 1 = rx.recv() => println!("{v}"),
        default => {}
    }
}
