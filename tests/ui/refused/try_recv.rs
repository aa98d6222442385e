//! A call that does not wait.

use routines::{channel, select};

fn main() {
    let (_tx, rx) = channel::bounded::<u32>(1);
    select! {
        v = rx.try_recv() => println!("{v:?}"),
    }
}
