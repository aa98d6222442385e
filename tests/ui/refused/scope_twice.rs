//! Two routines of a scope that change the same thing.

use routines::routine;

fn main() {
    let mut number = 1;
    routine::scope(|s| {
        s.spawn(|| number += 1);
        s.spawn(|| number += 1);
    });
}
