//! Go's default.

use routines::{channel, select};

fn main() {
    let (_tx, rx) = channel::bounded::<u32>(1);
    select! {
        _ = rx.recv() => {}
        default: println!("nothing")
    }
}
