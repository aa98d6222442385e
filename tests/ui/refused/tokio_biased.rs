//! The first word of tokio's `select!`.

use routines::{channel, select};

fn main() {
    let (_tx, rx) = channel::bounded::<u32>(1);
    select! {
        biased;
        _ = rx.recv() => {}
        default => {}
    }
}
