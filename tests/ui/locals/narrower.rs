//! A key of functions that take any reference is no key of functions that want one for ever: what is set through the
//! one is taken out through the other.

use routines::routine::RoutineLocal;
use routines::routine_local;

routine_local!(static CALL: for<'a> fn(&'a str) = |_| ());

fn main() {
    let wants_more: &'static RoutineLocal<fn(&'static str)> = &CALL;
    wants_more.set(|text| println!("{text}"));
}
