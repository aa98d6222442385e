//! A send without its value.

use routines::{channel, select};

fn main() {
    let (tx, _rx) = channel::bounded::<u32>(1);
    select! {
        _ = tx.send() => {}
    }
}
