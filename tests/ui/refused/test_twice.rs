//! A test that is a test already.

#[routines::test]
#[test]
fn sum() {}

fn main() {}
