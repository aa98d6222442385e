//! A receiver of the standard library.

use routines::select;
use std::sync::mpsc;

fn main() {
    let (_tx, rx) = mpsc::channel::<u32>();
    select! {
        _ = rx.recv() => {}
    }
}
