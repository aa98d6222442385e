//! A test that takes something.

#[routines::test]
fn sum(numbers: &[u32]) {}

fn main() {}
