//! An arm as crossbeam's `select!` has them.

use routines::{channel, select};

fn main() {
    let (_tx, rx) = channel::bounded::<u32>(1);
    select! {
        recv(rx) -> v => println!("{v:?}"),
        default => {}
    }
}
