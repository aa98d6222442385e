//! `#[rust_routines::main]` as a program uses it: each kind of result, in a
//! module of its own because every one of them is called `main`.
#![forbid(unsafe_code)]

use std::error::Error;
use std::process::{ExitCode, Termination};

/// `ExitCode` compares only by what it prints on the oldest compiler we support.
fn assert_ends_with(code: ExitCode, wanted: ExitCode) {
    assert_eq!(format!("{code:?}"), format!("{wanted:?}"));
}

mod nothing {
    #[rust_routines::main]
    pub(crate) fn main() {
        assert!(rust_routines::routine::is_routine());
    }
}

#[test]
fn the_body_runs_as_a_routine() {
    assert!(!rust_routines::routine::is_routine());
    assert_ends_with(nothing::main(), ExitCode::SUCCESS);
}

mod code {
    use super::*;

    #[rust_routines::main]
    pub(crate) fn main() -> ExitCode {
        ExitCode::from(7)
    }
}

#[test]
fn an_exit_code_is_handed_on() {
    assert_ends_with(code::main(), ExitCode::from(7));
}

mod result {
    use super::*;

    #[rust_routines::main]
    pub(crate) fn main() -> Result<(), Box<dyn Error>> {
        let _: u16 = "no port".parse()?;
        Ok(())
    }
}

#[test]
fn an_error_that_is_not_send_is_a_failure() {
    assert_ends_with(result::main(), ExitCode::FAILURE);
}

mod unusual {
    use super::*;

    /// Docs, a lint, a `where`, an inner attribute, a result without a name and
    /// a call of itself: all of it is legal on a plain `main`.
    #[allow(clippy::needless_return)]
    #[rust_routines::main]
    pub(crate) fn main() -> impl Termination
    where
        String: Clone,
    {
        #![allow(unused_variables)]
        let unused = 1;
        let again: fn() -> Result<ExitCode, std::fmt::Error> = inner;
        return again();
    }

    fn inner() -> Result<ExitCode, std::fmt::Error> {
        Ok(ExitCode::from(3))
    }
}

#[test]
fn what_a_plain_main_may_look_like_is_accepted() {
    assert_ends_with(unusual::main(), ExitCode::from(3));
}

mod substituted {
    use super::*;

    macro_rules! define {
        ($visibility:vis $name:ident, $result:ty, $body:block) => {
            #[rust_routines::main]
            $visibility fn $name() -> $result $body
        };
    }
    define!(pub(crate) main, ExitCode, { ExitCode::from(5) });
}

#[test]
fn a_macro_may_write_the_function() {
    assert_ends_with(substituted::main(), ExitCode::from(5));
}

mod panicking {
    #[rust_routines::main]
    pub(crate) fn main() {
        panic!("the first routine's panic");
    }
}

#[test]
#[should_panic(expected = "the first routine's panic")]
fn a_panic_goes_on_in_the_caller() {
    panicking::main();
}
