//! Two arms without a comma between them.

use routines::{channel, select};

fn main() {
    let (_tx, rx) = channel::bounded::<u32>(1);
    select! {
        value = rx.recv() => println!("{value:?}")
        default => {}
    }
}
