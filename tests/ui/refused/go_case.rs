//! Go's words for a receive.

use routines::{channel, select};

fn main() {
    let (_tx, rx) = channel::bounded::<u32>(1);
    select! {
        case v = rx.recv() => println!("{v:?}"),
        default => {}
    }
}
