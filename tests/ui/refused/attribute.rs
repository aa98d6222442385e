//! An attribute of an arm.

use routines::{channel, select};

fn main() {
    let (_tx, rx) = channel::bounded::<u32>(1);
    select! {
        #[cfg(unix)]
        v = rx.recv() => println!("{v:?}"),
        default => {}
    }
}
