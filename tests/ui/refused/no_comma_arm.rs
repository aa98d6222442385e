//! Two arms with bindings, and no comma between them.

use routines::{channel, select};

fn main() {
    let (_tx, rx) = channel::bounded::<u32>(1);
    select! {
        v = rx.recv() => println!("{v:?}")
        w = rx.recv(), if true => println!("{w:?}"),
        default => {}
    }
}
