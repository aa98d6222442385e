//! The end of a runtime: everything is unwound at home, every destructor runs, nothing is left; what
//! will not end is named and abandoned; and runtimes side by side do not know each other.
#![forbid(unsafe_code)]

mod drop_all;
mod from_within;
mod leaves_nothing;
mod side_by_side;
mod stuck;

use rust_routines::routine::JoinError;
use rust_routines::runtime::Runtime;

/// For shutdowns that end: reached only on failure.
const GENEROUS: std::time::Duration = rust_routines_tests::LIMIT;

fn workers(n: usize) -> Runtime {
    rust_routines_tests::workers(n)
}

/// The message of the panic that a routine has ended with.
#[track_caller]
fn message<T>(result: Result<T, JoinError>) -> String {
    match result {
        Err(JoinError::Panicked(payload)) => payload
            .message()
            .expect("a panic with a message")
            .to_string(),
        Err(JoinError::Cancelled) => panic!("cancelled"),
        Ok(_) => panic!("it has ended well"),
    }
}

#[track_caller]
fn assert_cancelled<T>(result: Result<T, JoinError>) {
    match result {
        Err(JoinError::Cancelled) => {}
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it has ended well"),
    }
}
