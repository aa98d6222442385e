//! Go's select, as it stands.

use routines::{channel, select};

fn main() {
    let (_tx, rx) = channel::bounded::<u32>(1);
    select! {
        case v := <-rx:
            println!("{v}")
        default:
            println!("nothing")
    }
}
