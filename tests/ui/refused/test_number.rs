//! Workers that are no plain number.

const MANY: usize = 8;

#[routines::test(workers = MANY)]
fn sum() {}

fn main() {}
