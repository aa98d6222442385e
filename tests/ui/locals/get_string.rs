//! `get` copies.

use routines::routine_local;

routine_local!(static NAME: String = String::from("name"));

fn main() {
    println!("{}", NAME.get());
}
