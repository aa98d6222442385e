//! A value of another type than the channel carries.

use routines::{channel, select};

fn main() {
    let (tx, _rx) = channel::bounded::<u32>(1);
    select! {
        _ = tx.send("text") => {}
    }
}
