//! Starting routines and waiting for them: builders and their errors, handles, handles as futures,
//! the park permit, deep stacks.
#![forbid(unsafe_code)]

mod builders;
mod deep;
mod environment;
mod futures;
mod handles;
mod many;
mod permit;

use rust_routines::runtime::Runtime;

fn workers(n: usize) -> Runtime {
    rust_routines_tests::workers(n)
}
