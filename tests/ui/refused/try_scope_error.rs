//! A routine of a fallible scope that fails with something else than the scope.

use routines::routine;

fn main() {
    let result: Result<(), String> = routine::try_scope(|s| {
        s.spawn(|| "x".parse::<u8>());
        Ok(())
    });
    result.unwrap();
}
