//! A guard of a default.

use routines::{channel, select};

fn main() {
    let (_tx, rx) = channel::bounded::<u32>(1);
    select! {
        _ = rx.recv() => {}
        default, if rx.is_empty() => {}
    }
}
