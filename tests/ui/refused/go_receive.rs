//! Go's arrow.

use routines::{channel, select};

fn main() {
    let (_tx, rx) = channel::bounded::<u32>(1);
    select! {
        v = <-rx => println!("{v:?}"),
        default => {}
    }
}
