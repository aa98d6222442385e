//! A receive with a value.

use routines::{channel, select};

fn main() {
    let (_tx, rx) = channel::bounded::<u32>(1);
    select! {
        _ = rx.recv(1) => {}
    }
}
