//! A guard that is no condition.

use routines::{channel, select};

fn main() {
    let (_tx, rx) = channel::bounded::<u32>(1);
    select! {
        _ = rx.recv(), if 1 => {}
        default => {}
    }
}
