//! A started routine never changes its thread, whatever it holds and wherever it parks.
//!
//! The rule is what lets `spawn` be a safe function: `Rc`s, thread-local borrows, `rand::rng()` and
//! guards with thread affinity live across parks here, under load on four workers. An optimiser that
//! caches a thread-local's address would hide a move from a test that only asks std for its thread:
//! the kernel is asked too. CI runs this target with `--profile fat` as well, where it may inline most.
#![forbid(unsafe_code)]

mod known_bad;
mod one_page;
mod parks;
mod values;
