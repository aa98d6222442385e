//! A handle that would outlive its scope.

use routines::routine;

fn main() {
    let mut kept = None;
    routine::scope(|s| {
        kept = Some(s.spawn(|| 1));
    });
    drop(kept);
}
