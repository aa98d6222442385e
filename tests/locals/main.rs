//! `routine_local!`: whose value it is, when it is made, and when it goes.
//!
//! | file | what |
//! |---|---|
//! | `values` | one for each routine or thread; set, take, borrow |
//! | `ends` | destructors: when, in which order, what they may do |
//! | `children` | what is inherited, by whom, and what that costs when it fails |
#![forbid(unsafe_code)]

mod children;
mod ends;
mod values;

use rust_routines::runtime::{Builder, Runtime};

fn workers(n: usize) -> Runtime {
    Builder::new().workers(n).build().expect("a few threads")
}
