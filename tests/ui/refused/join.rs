//! A call that joins, where the handle is the arm.

use routines::{routine, select};

fn main() {
    let handle = routine::spawn(|| 1);
    select! {
        v = handle.join() => println!("{v:?}"),
    }
}
