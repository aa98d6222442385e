//! A pattern that need not match, with its type.

use routines::{channel, select};

fn main() {
    let (_tx, rx) = channel::bounded::<u32>(1);
    select! {
        Ok(v): Result<u32, channel::RecvError> = rx.recv() => println!("{v}"),
        default => {}
    }
}
