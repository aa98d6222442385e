//! An argument that a test does not know.

#[routines::test(threads = 2)]
fn sum() {}

fn main() {}
