//! Go's arrow, to send.

use routines::{channel, select};

fn main() {
    let (tx, _rx) = channel::bounded::<u32>(1);
    select! {
        tx <- 1 => {}
        default => {}
    }
}
