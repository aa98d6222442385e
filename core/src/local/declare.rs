//! `routine_local!`.
//!
//! A macro by example that takes the declarations one by one, and the attributes of each one by one, because
//! `#[inherit]` has to be found among them.

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
            $crate::routine::RoutineLocal::$make(|| const $init);
        $($crate::routine_local! { $($rest)* })?
    };
    (@declare $make:ident [$($attribute:tt)*]
        $vis:vis static $name:ident: $type:ty = $init:expr $(; $($rest:tt)*)?
    ) => {
        $($attribute)*
        $vis static $name: $crate::routine::RoutineLocal<$type> =
            $crate::routine::RoutineLocal::$make(|| $init);
        $($crate::routine_local! { $($rest)* })?
    };
    () => {};
    ($($declaration:tt)+) => {
        $crate::routine_local! { @declare __new [] $($declaration)+ }
    };
}
