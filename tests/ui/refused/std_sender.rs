//! A sender of the standard library.

use routines::select;
use std::sync::mpsc;

fn main() {
    let (tx, _rx) = mpsc::channel::<u32>();
    select! {
        _ = tx.send(1) => {}
    }
}
