//! A value is lent for the length of the closure.

use routines::routine_local;

routine_local!(static NAME: String = String::from("name"));

fn main() {
    let name: &str = NAME.with(|name| name.as_str());
    println!("{name}");
}
