//! What the compiler says to a `select!`, a `#[test]` or a scope that is written wrong: each file in `refused/` does one thing
//! wrong, and the text beside it is what a user reads.
//!
//! The texts are those of the Rust that ci uses; after a change of the macro or an upgrade of Rust, look
//! at what `TRYBUILD=overwrite cargo test -p rust-routines-ui` writes before keeping it.
#![forbid(unsafe_code)]

#[test]
fn what_is_written_wrong_is_refused_with_advice() {
    trybuild::TestCases::new().compile_fail("refused/*.rs");
}

#[test]
fn wrong_uses_of_local_values_are_refused() {
    trybuild::TestCases::new().compile_fail("locals/*.rs");
}
