//! An arm without an operand.

use routines::{channel, select};

fn main() {
    let (_tx, _rx) = channel::bounded::<u32>(1);
    select! {
        value = => println!("{value}"),
    }
}
