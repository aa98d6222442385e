//! A routine of a scope that borrows what lives in the scope's own closure.

use routines::routine;

fn main() {
    routine::scope(|s| {
        let local = 1;
        s.spawn(|| println!("{local}"));
    });
}
