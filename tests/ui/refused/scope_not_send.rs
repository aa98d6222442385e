//! A routine of a scope that takes what may not leave its thread.

use routines::routine;
use std::rc::Rc;

fn main() {
    let here = Rc::new(1);
    routine::scope(|s| {
        s.spawn(|| println!("{here}"));
    });
}
