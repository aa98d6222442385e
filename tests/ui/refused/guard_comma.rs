//! A guard without its comma.

use routines::{channel, select};

fn main() {
    let (_tx, rx) = channel::bounded::<u32>(1);
    select! {
        v = rx.recv() if !rx.is_empty() => println!("{v:?}"),
        default => {}
    }
}
