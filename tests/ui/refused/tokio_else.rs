//! The last arm of tokio's `select!`.

use routines::{channel, select};

fn main() {
    let (_tx, rx) = channel::bounded::<u32>(1);
    select! {
        v = rx.recv() => println!("{v:?}"),
        else => {}
    }
}
