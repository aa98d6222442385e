//! A test that is a future.

#[routines::test]
async fn sum() {}

fn main() {}
