//! Goroutines for ordinary Rust: stackful routines, a blocking API, no `async`, a safe `spawn`.
//!
//! A routine is a function with a stack of its own. Thousands of them share a few worker threads; what
//! would block - a channel, a lock, a sleep, a join - parks the routine, and its worker runs another.
//!
//! ```
//! use rust_routines::{routine, time::Duration};
//!
//! fn main() {
//!     routine::spawn(|| println!("hi"));
//!     let data = vec![1, 2, 3];
//!     routine::spawn(move || println!("{data:?}"));
//!     routine::yield_now();
//!     routine::sleep(Duration::from_secs(1));
//! }
//! ```
//!
//! ```
//! use rust_routines::{channel, routine};
//!
//! fn main() {
//!     let (tx, rx) = channel::bounded(10);
//!     routine::spawn(move || tx.send(42).unwrap());
//!     routine::spawn(move || println!("{}", rx.recv().unwrap()));
//! }
//! ```
//!
//! As in Go, a program ends when `main` returns, whatever still runs: join what has to be done
//! ([`routine::JoinHandle::join`], [`sync::WaitGroup`]).
//!
//!
//! Everything that blocks works from routines and from plain threads alike, and no program has to set
//! anything up: the global runtime starts itself. [`run`] and `#[rust_routines::main]` run the first
//! routine on a stack of 64 MiB; [`runtime::Builder`] builds runtimes of one's own.
//!
//! # The rule that makes it sound
//!
//! *A started routine never changes its thread, so `Send`, thread-locals and guards keep their
//! meaning; what remains is code that trusts LIFO nesting on a thread.* Until it starts, a routine is
//! a `Send` closure that any worker may take; from its first instruction on it lives at one worker,
//! its *home*. So [`routine::spawn`] is a safe function.
//!
//! What remains: two routines of one home interleave at their parks, and code that sets something on
//! its thread and takes it back at the end of a scope (the crate scoped-tls, `tracing`'s entered
//! spans, re-entrant C locks) is confused by that.
//! - [`routine::forbid_park`] turns a park inside of such code into a panic that names both places;
//! - [`routine::on_switch`] lets an adapter swap a thread-local with the routine that set it;
//! - known to be confused: `scoped_tls::ScopedKey::set` around a park (undefined behaviour of that
//!   crate's safe interface), `tracing::span::Entered` over a park, thread-keyed re-entrant locks
//!   (stdout's, C's recursive mutexes), which exclude nothing between routines of one home.
//!
//! # The pitfall
//!
//! A lock of the operating system (`std::sync::Mutex`, parking_lot's) that a routine holds *while it
//! parks* can put to sleep the very thread that has to run that routine, for good, when a home-mate
//! wants it. [`sync::Mutex`] has the same methods and parks the routine instead.
//!
//! # Tests
//!
//! `#[rust_routines::test]` runs a test's body with one worker and with several, on runtimes of its own.
//! A plain `#[test]` may use routines too, but the global runtime's threads are started by whichever
//! test comes first, and the test harness captures what they print as that test's.
//!
//! # Limits
//!
//! 64-bit Linux (x86-64 is what is tested; other systems are to come). Routines are cooperative: a
//! long computation keeps its worker until it blocks, ends or calls [`routine::checkpoint`]. After
//! `fork` without `exec`, the child has no workers.
#![cfg_attr(loom, allow(dead_code, unused_imports, missing_docs))]

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("rust-routines runs on 64-bit Linux; other systems are to come");

mod prim;
#[cfg(not(loom))]
mod sys;

#[cfg(not(loom))]
mod switch;

mod queue;

#[cfg(not(loom))]
mod stack;

#[cfg(not(loom))]
mod control;

#[cfg(not(loom))]
mod driver;

#[cfg(not(loom))]
mod sched;
/// Under loom only the modelled protocols of the scheduler are compiled.
#[cfg(loom)]
mod sched {
    pub(crate) mod idle;
    pub(crate) mod watch;
}

#[cfg(not(loom))]
mod wait;

#[cfg(not(loom))]
pub mod channel;
#[cfg(not(loom))]
mod io;
#[cfg(not(loom))]
mod local;
#[cfg(not(loom))]
mod spawn;
#[cfg(not(loom))]
pub mod sync;

#[cfg(not(loom))]
pub mod time;

#[cfg(not(loom))]
pub mod select;

#[cfg(not(loom))]
pub mod cancel;

#[cfg(not(loom))]
mod scope;

#[cfg(not(loom))]
pub mod net;
#[cfg(not(loom))]
pub mod runtime;
#[cfg(not(loom))]
mod testing;

/// Routines: starting, joining, parking and placing them.
#[cfg(not(loom))]
pub mod routine {
    pub use crate::control::{Place, Priority};
    pub use crate::local::{AccessError, RoutineLocal};
    pub use crate::net;
    pub use crate::sched::forbid::{ForbidPark, forbid_park};
    pub use crate::sched::hooks::on_switch;
    pub use crate::scope::{Scope, ScopedJoinHandle, TryJoinHandle, TryScope, scope, try_scope};
    pub use crate::spawn::{
        AbortHandle, Builder, Id, JoinError, JoinHandle, PanicPayload, Routine, Unsupported,
        blocking, check_cancelled, checkpoint, current, is_routine, park, park_timeout, priority,
        restart, set_priority, shield, spawn, with_stack, worker, yield_now,
    };
    pub use crate::time;
    pub use crate::time::{sleep, sleep_until};
}

/// What most programs use: `use rust_routines::prelude::*`.
#[cfg(not(loom))]
pub mod prelude {
    pub use crate::routine::{self, JoinHandle, spawn, yield_now};
    pub use crate::sync::{Mutex, WaitGroup};
    pub use crate::time::{Duration, Instant, sleep};
    pub use crate::{cancel, channel, net, run, runtime, select, sync, time};
}

/// Waits for several things at once; exactly one of them takes effect.
///
/// ```
/// use rust_routines::{channel, routine, select, time::Duration};
///
/// let (tx, numbers) = channel::bounded(1);
/// let (_keep, words) = channel::bounded::<&str>(1);
/// routine::spawn(move || tx.send(7).unwrap());
/// let text = select! {
///     number = numbers.recv() => format!("{number:?}"),
///     word = words.recv() => format!("{word:?}"),
///     default(Duration::from_secs(60)) => "nothing in a minute".to_string(),
/// };
/// assert_eq!(text, "Ok(7)");
/// ```
///
/// # Arms
/// - `pattern = rx.recv() => body`: the pattern is bound to what `recv` returns. It must be irrefutable,
///   as that of a `let`, and may have its type, `pattern: Type`; but `Ok(v) | Err(v)` needs no parentheses.
/// - `pattern = tx.send(value) => body`: `value` is evaluated also if another arm is chosen, and dropped
///   then. `tx.send_from(&mut slot)` takes it out of an `Option` only if it is chosen.
/// - `pattern = operand => body`, where the operand is any [`Arm`](select::Arm):
///   [`time::after`], a handle (`&mut handle`), [`select::future`] of any future, one of your own.
/// - `operand => body`: the result is dropped, as with `_ = operand`, before the body runs.
/// - `pattern = operand, if condition => body`: if the condition is false, the operand is not evaluated
///   and the arm is off. [`channel::never`] does the same for a receiver. The condition comes before the
///   wait and cannot look at the result; `if let` works.
/// - `default => body`: chosen if nothing is ready; without it the select waits.
/// - `default(timeout) => body`: chosen if nothing is ready within that duration.
/// - `default, if condition => body`: if the condition is false, as if there were no `default`.
///
/// Conditions and operands are evaluated once, in the order they are written. Of several arms that are
/// ready each is equally likely to be chosen. The other arms are withdrawn before the body runs, which
/// may `break`, `continue`, `return` and use `?`; its value is that of the select. A select without arms
/// waits for ever, and so does one whose arms are all off.
///
/// Arms are separated by commas. After a body in braces, `=> { .. }`, the comma may be left out; unlike in
/// a `match` that is so after no other body, be it an `if`, a `match` or an `unsafe { .. }`.
///
/// # What becomes an arm
/// An operand that ends with a call of a method named `recv`, `send` or `send_from` is rewritten, whatever
/// it is called on: `x.recv()` becomes `x.recv_arm()`, `x.send(value)` `x.send_arm(value)`, and
/// `x.send_from(&mut slot)` `x.send_from_arm(&mut slot)`. Anything else is taken as it is. So
/// - a type of your own takes part in this by a method `recv_arm` or `send_arm` that returns an
///   [`Arm`](select::Arm), of its channel for example;
/// - parentheses switch it off, for a `recv` that returns an arm itself: `v = (x.recv()) => ..`;
/// - a receiver of the standard library or of another crate is no arm, unless its crate has a future for
///   [`select::future`].
///
/// ```
/// use rust_routines::{channel::{self, Receiver, RecvError}, select};
///
/// struct Inbox(Receiver<String>);
///
/// impl Inbox {
///     fn recv_arm(&self) -> impl select::Arm<Output = Result<String, RecvError>> {
///         self.0.recv_arm()
///     }
/// }
///
/// let (tx, rx) = channel::bounded(1);
/// let inbox = Inbox(rx);
/// tx.send("text".to_string()).unwrap();
/// select! {
///     text = inbox.recv() => assert_eq!(text.unwrap(), "text"),
/// }
/// ```
///
/// # How long operands live
/// What an operand borrows from a temporary lives as long as the wait: `v = self.clone_of_it().recv() => ..`
/// is fine. With a guard, the operand stands in an `if`, whose temporaries end with it: there give them a name
/// before the select. When the body runs, operands, arms and their temporaries are gone.
///
/// A message of many kilobytes is moved from the arm to the pattern on the stack of the routine that selects:
/// see [`channel`].
///
/// **Blocks** the calling routine; on a plain thread, the thread.
///
/// A select with a `default` never parks: a loop around one that finds nothing keeps its worker to itself,
/// as does one around `try_recv`. Let the others go with [`yield_now`](routine::yield_now), or wait for at
/// least something with `default(timeout)`. An arm whose channel is closed is ready, each time.
///
/// # Panics
/// Under [`forbid_park`](routine::forbid_park), if it would block; if an arm that is a handle or a future has
/// given its result before.
///
/// # Go
/// `select`. A send to a closed channel does not panic: its arm is ready, with an error. The arms are looked at
/// one after the other, not at one instant: `default` may run while two arms become ready in turn.
#[cfg(not(loom))]
#[macro_export]
macro_rules! select {
    ($($arms:tt)*) => {
        $crate::__private::__select! { ($crate) $($arms)* }
    };
}

// By example, one declaration and one attribute after the other: `#[inherit]` has to be found among them.
/// Declares values that each routine has for itself: [`RoutineLocal`](crate::routine::RoutineLocal)s.
///
/// As `thread_local!`: any number of statics, each with its initialiser, which may be a `const` block.
/// `#[inherit]` in front of one lets routines begin with a clone of what their spawner has; its type has to be
/// `Clone` and `Send`.
///
/// **Blocks**: never.
///
/// # Go
/// No counterpart in the language; often a `context.Context`.
///
/// # Examples
/// ```
/// use rust_routines::{routine, routine_local};
/// use std::cell::RefCell;
/// use std::rc::Rc;
///
/// routine_local! {
///     /// Not `Send`, and need not be.
///     pub static CACHE: Rc<RefCell<Vec<u8>>> = Rc::default();
///     static DEPTH: u32 = const { 0 };
///     #[inherit]
///     static TRACE: u64 = 0;
/// }
///
/// rust_routines::run(|| {
///     TRACE.set(17);
///     DEPTH.set(1);
///     let child = routine::spawn(|| (TRACE.get(), DEPTH.get()));
///     assert_eq!(child.join().unwrap(), (17, 0));
/// });
/// ```
#[cfg(not(loom))]
#[macro_export]
macro_rules! routine_local {
    (@declare $make:ident [$($attribute:tt)*] #[inherit] $($rest:tt)*) => {
        $crate::routine_local! { @declare __inherited [$($attribute)*] $($rest)* }
    };
    (@declare $make:ident [$($before:tt)*] #[$($attribute:tt)*] $($rest:tt)*) => {
        $crate::routine_local! { @declare $make [$($before)* #[$($attribute)*]] $($rest)* }
    };
    (@declare $make:ident [$($attribute:tt)*]
        $vis:vis static $name:ident: $type:ty = const $init:block $(; $($rest:tt)*)?
    ) => {
        $($attribute)*
        $vis static $name: $crate::routine::RoutineLocal<$type> =
            $crate::routine::RoutineLocal::$make(::core::stringify!($name), || const $init);
        $($crate::routine_local! { $($rest)* })?
    };
    (@declare $make:ident [$($attribute:tt)*]
        $vis:vis static $name:ident: $type:ty = $init:expr $(; $($rest:tt)*)?
    ) => {
        $($attribute)*
        $vis static $name: $crate::routine::RoutineLocal<$type> =
            $crate::routine::RoutineLocal::$make(::core::stringify!($name), || $init);
        $($crate::routine_local! { $($rest)* })?
    };
    (@declare $($other:tt)*) => {
        ::core::compile_error! {
            "`routine_local!` takes declarations: `static NAME: Type = value;`, with attributes and `pub` before them"
        }
    };
    () => {};
    ($($declaration:tt)+) => {
        $crate::routine_local! { @declare __new [] $($declaration)+ }
    };
}

/// Runs closures at the same time, as routines that may borrow from here, and waits for all of them: the tuple of
/// their results.
///
/// **Blocks** the calling routine; on a plain thread, the thread.
///
/// # Panics
/// With the panic of the first closure, in the order in which they are written, that has panicked, when all have
/// ended. As [`routine::scope`] otherwise: who is cancelled in it cancels them.
///
/// # Go
/// A `sync.WaitGroup` with a variable for each result.
///
/// # Examples
/// ```
/// use rust_routines::join;
///
/// let text = String::from("some text");
/// let (words, letters) = join!(|| text.split(' ').count(), || text.len());
/// assert_eq!((words, letters), (2, 9));
/// ```
#[cfg(not(loom))]
#[macro_export]
macro_rules! join {
    ($($f:expr),+ $(,)?) => {
        $crate::routine::scope(|scope| $crate::__join!(scope [] $($f,)+))
    };
}

/// The steps of `join!`: spawns one after the other, then joins; not for use by hand.
#[cfg(not(loom))]
#[doc(hidden)]
#[macro_export]
macro_rules! __join {
    ($scope:ident [$($handle:ident)*] $f:expr, $($rest:expr,)*) => {{
        let handle = $scope.spawn($f);
        $crate::__join!($scope [$($handle)* handle] $($rest,)*)
    }};
    ($scope:ident [$($handle:ident)+]) => {
        ($($crate::__private::join_or_rethrow($handle),)+)
    };
}

/// Runs closures at the same time, as routines that may borrow from here; the first one that returns wins: the others
/// are cancelled, and when they have ended, its result is returned.
///
/// They unwind where they wait, or where they wait next; one that never waits runs on to its end, and the race waits
/// for it ([`check_cancelled`](crate::routine::check_cancelled) helps). All return the same type.
///
/// **Blocks** the calling routine, until all have ended; on a plain thread, the thread.
///
/// # Panics
/// If one panics: the others are cancelled, and the panic goes on when they have ended, even if another one has won
/// before. If the runtime is being shut down, so that nobody wins. In a program that is built with `panic = "abort"`,
/// where nothing can be unwound. As
/// [`routine::scope`] otherwise: who is cancelled in it cancels them.
///
/// # Go
/// A `select` over a channel for each, and a context to cancel the others with.
///
/// # Examples
/// ```
/// use rust_routines::{race, time::{self, Duration}};
///
/// let first = race!(
///     || {
///         time::sleep(Duration::from_secs(3600));
///         "slow"
///     },
///     || "fast",
/// );
/// assert_eq!(first, "fast");
/// ```
#[cfg(not(loom))]
#[macro_export]
macro_rules! race {
    ($($f:expr),+ $(,)?) => {
        $crate::__private::race(|racers| {
            $(racers.enter($f);)+
        })
    };
}

#[cfg(not(loom))]
pub use runtime::run;
#[cfg(not(loom))]
pub use rust_routines_macros::{main, test};

/// What the macros expand to; not for use by hand.
#[cfg(not(loom))]
#[doc(hidden)]
pub mod __private {
    pub use crate::scope::{Racers, join_or_rethrow, race};
    pub use crate::select::others::{Recv as SelectRecv, Send as SelectSend};
    pub use crate::select::run::{
        dropped as select_dropped, is_idle as select_is_idle, never as select_never,
        none as select_none, nothing as select_nothing, now as select_now, on as select_on,
        operand as select_operand, run as select_run, taken as select_taken,
        unreachable as select_unreachable, until as select_until,
    };
    pub use crate::testing::{main, test, test_on};
    pub use rust_routines_macros::__select;
}
