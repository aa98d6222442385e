//! Bodies of different types.

use routines::{channel, select};

fn main() {
    let (_tx, rx) = channel::bounded::<u32>(1);
    let _ = select! {
        value = rx.recv() => value.unwrap(),
        default => "nothing",
    };
}
