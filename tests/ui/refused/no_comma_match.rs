//! No comma after a `match`, where an arm of `match` needs none either.

use routines::{channel, select};

fn main() {
    let (_tx, rx) = channel::bounded::<u32>(1);
    select! {
        v = rx.recv() => match v {
            Ok(v) => println!("{v}"),
            Err(_) => {}
        }
        default => {}
    }
}
