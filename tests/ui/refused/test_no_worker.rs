//! A runtime without workers.

#[routines::test(workers = [1, 0])]
fn sum() {}

fn main() {}
