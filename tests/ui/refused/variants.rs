//! Arms as in a `match` of the result.

use routines::{channel, select};

fn main() {
    let (_tx, rx) = channel::bounded::<u32>(1);
    select! {
        Ok(v) => println!("{v}"),
        Err(_) => {}
    }
}
