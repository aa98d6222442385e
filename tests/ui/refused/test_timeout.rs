//! A time-out without its value.

#[routines::test(workers = 2, timeout)]
fn sum() {}

fn main() {}
