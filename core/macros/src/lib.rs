//! The attribute macros of rust-routines: [`macro@main`] and [`macro@test`].
//!
//! Use them through `rust_routines`, which re-exports both; what they expand to
//! names that crate by its absolute path, so it has to be a direct dependency
//! under its own name.
//!
//! # Why this way
//!
//! - No parser crate. A macro here reads one function without arguments and
//!   generics, which is a dozen steps over tokens (`function.rs`); `syn` would be
//!   the largest thing a user of the runtime builds, and its errors speak of
//!   syntax where ours can give advice. `proc-macro2` stands between us and
//!   the compiler so that unit tests can run the parser outside of one.
//! - The body goes, token for token, into an inner function of the same name.
//!   A closure would refuse inner attributes and `impl Trait` as the result, and
//!   would show up in backtraces as `{{closure}}`.
//! - Nothing here expands to `unsafe`, and what an expansion does at run time is
//!   one call into `rust_routines::__private`: behaviour lives in the runtime,
//!   where it can be tested and changed.
#![forbid(unsafe_code)]

mod arguments;
mod error;
mod function;
mod main_attribute;
mod select;
mod test_attribute;

use proc_macro::TokenStream;

/// Makes `fn main` the first routine of the program.
///
/// The body runs as a routine of the global runtime; the thread that entered
/// `main` waits for it. It returns `()`, an [`ExitCode`] or a [`Result`] whose
/// error is `Debug`: whatever a plain `fn main` may return (any
/// [`Termination`]). The result need not be `Send`, so
/// `Result<(), Box<dyn Error>>` is fine: it is turned into an exit code before
/// it leaves the routine.
///
/// When the body returns, the process exits without waiting for other
/// routines: join those whose work matters.
///
/// The attribute takes no arguments. The number of workers comes from the CPUs
/// the process may use or from the environment variable
/// `RUST_ROUTINES_WORKERS`; whoever wants more say builds a
/// `rust_routines::runtime::Builder` in a plain `fn main` and calls `run` on
/// the runtime.
///
/// # Blocks
///
/// The thread that entered `main` blocks until the body has returned. The body
/// itself is a routine: what blocks in it parks it, and its worker goes on with
/// other routines.
///
/// # Errors
///
/// An `Err` is printed to standard error as `Error: {:?}`, and the process ends
/// with status 1, as with a plain `fn main`. At compile time the macro refuses,
/// with advice: arguments to the attribute, a function not called `main`,
/// `async`, `const`, `unsafe` and `extern`, arguments, generics, a missing body.
///
/// # Panics
///
/// A panic of the body goes on in `main`, and the process ends with status 101,
/// as with a plain `fn main`. A panic of another routine ends that routine only.
///
/// # Go
///
/// `func main()`: it too is the first goroutine, and its return ends the
/// program. Go has no result; there, `os.Exit` gives the status.
///
/// # Examples
///
/// ```
/// use rust_routines::routine;
///
/// #[rust_routines::main]
/// fn main() {
///     let answer = routine::spawn(|| 6 * 7);
///     assert_eq!(answer.join().unwrap(), 42);
/// }
/// ```
///
/// A result that is not `Send`:
///
/// ```
/// use std::error::Error;
///
/// #[rust_routines::main]
/// fn main() -> Result<(), Box<dyn Error>> {
///     let port: u16 = "8080".parse()?;
///     assert_eq!(port, 8080);
///     Ok(())
/// }
/// ```
///
/// [`ExitCode`]: std::process::ExitCode
/// [`Termination`]: std::process::Termination
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    main_attribute::expand(arguments.into(), item.into()).into()
}

/// Makes a function a test whose body runs as a routine, with one worker and
/// with several.
///
/// The body runs first on a runtime with one worker, then on one with four.
/// Both have to pass. One worker is where code that blocks its *thread* while it
/// waits for another routine deadlocks: it happens on every run there, and on
/// one in many runs with several workers. Four is where real parallelism and
/// stealing show the rest. `#[rust_routines::test(workers = 2)]` and
/// `#[rust_routines::test(workers = [1, 2, 8])]` choose otherwise. A failure says
/// with how many workers.
///
/// A test that waits for itself would hang: `timeout = Duration::from_secs(10)`, with
/// or without `workers`, makes each run fail that has not ended by then. Any
/// expression of that type may stand there.
///
/// Other attributes stay in force: `#[should_panic]`, `#[ignore]`, `#[cfg]`
/// and lints. The function becomes a `#[test]` by this attribute; a second one
/// is refused.
///
/// The body returns whatever a plain test may return (any [`Termination`]), and
/// need not be a result that is `Send`. It has to be a function that can run
/// more than once, which every function without arguments is; state that it
/// leaves in a `static` is seen by its second run.
///
/// # Blocks
///
/// The thread of the test blocks until the body has returned and the runtime
/// that ran it has shut down, once for each number of workers; for a run that
/// exceeds its `timeout`, until then: its threads are left behind.
///
/// # Errors
///
/// A body that returns a failure (`Err`, or an `ExitCode` other than success)
/// fails the test. At compile time the macro refuses, with advice: arguments
/// other than `workers` and `timeout`, zero workers, `async`, `const`, `unsafe` and `extern`
/// functions, arguments, generics, a missing body, a second test attribute.
///
/// # Panics
///
/// A panic of the body goes on in the test's thread and fails the test, or
/// satisfies its `#[should_panic]`. A panic of another routine ends that
/// routine only: join it to see it.
///
/// # Go
///
/// A `func TestXxx(t *testing.T)` run by `go test -cpu 1,4 -timeout 10s`.
///
/// # Examples
///
/// ```
/// #[rust_routines::test]
/// fn what_a_routine_returns_is_joined() {
///     let answer = rust_routines::routine::spawn(|| 6 * 7);
///     assert_eq!(answer.join().unwrap(), 42);
/// }
///
/// #[rust_routines::test(workers = [1, 2, 8], timeout = std::time::Duration::from_secs(10))]
/// fn a_question_mark_works() -> Result<(), Box<dyn std::error::Error>> {
///     let port: u16 = "8080".parse()?;
///     assert_eq!(port, 8080);
///     Ok(())
/// }
/// ```
///
/// [`Termination`]: std::process::Termination
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    test_attribute::expand(arguments.into(), item.into()).into()
}

/// The inner side of the crate's `select!`; not for use by hand.
#[doc(hidden)]
#[proc_macro]
pub fn __select(input: TokenStream) -> TokenStream {
    select::expand(input.into())
        .unwrap_or_else(error::Error::into_compile_error)
        .into()
}
