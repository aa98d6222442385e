//! Values that each routine has for itself: the key, which users call. `routine_local!`, in lib.rs, makes it;
//! `control::locals` holds the values, `sched::locals` says whose are meant.
//!
//! Rejected: std's way, in which only a `Cell` or a `RefCell` can be `set`. A key counts its borrows anyway to
//! give values back, so every type can be set, and the wrapper is only needed by who wants to change a value
//! while it is looked at.

use std::any::type_name;
use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::control::locals::{Found, Head, Key, Kind, Node};
use crate::sched::locals;

/// A value that each routine has for itself; made by [`routine_local!`](crate::routine_local).
///
/// A routine's value is initialised at its first use in that routine and dropped at the routine's end. All
/// methods mean the value of the routine that calls them, also in functions that it calls and over every
/// wait. On a plain thread they mean the thread's: there a key behaves as one of `thread_local!`.
///
/// The value need not be `Send`: a routine never leaves its thread.
///
/// # The end of a routine
/// Values are dropped when the routine's function has returned or unwound, on the routine's stack, before its
/// `join` returns: the one that was initialised last first. Destructors may block (a cancellation is held off)
/// and may use other keys, also for the first time; the values that have been dropped are gone for good, and
/// [`try_with`](RoutineLocal::try_with) says so. A destructor that panics is reported by the panic hook; the
/// others still run, and the routine's result stands. The same holds at the end of a thread, but the main
/// thread's values may not be dropped at all, as with `thread_local!`. A result that nobody joins is dropped
/// after the values.
///
/// [`restart`](crate::routine::restart) ends a routine's values like a return, on its old thread; what children
/// inherit is carried over.
///
/// # Children
/// A routine begins without values, but for those of keys that are declared with `#[inherit]`: what the
/// spawner has of them at the call of `spawn` is cloned for the child, also by a plain thread, unless
/// [`Builder::inherit_locals(false)`](crate::routine::Builder::inherit_locals) says not to. A closure for
/// [`blocking`](crate::routine::blocking) is treated like a child: it has what is
/// inherited and nothing else, and what it leaves is dropped with it; but on a plain thread, and inside of another
/// `blocking`, it is only called, and uses the values that are there. What a timer starts inherits nothing.
///
/// # Go
/// No counterpart in the language; what is passed by `context.WithValue` is often this, and
/// [`with_value`](RoutineLocal::with_value) lasts as long as that. An `#[inherit]`ed
/// value is not changed by the parent's later `set`.
///
/// # Examples
/// ```
/// use rust_routines::{routine, routine_local};
///
/// routine_local! {
///     static STEPS: u32 = 0;
///     #[inherit]
///     static REQUEST: Option<String> = None;
/// }
///
/// rust_routines::run(|| {
///     STEPS.set(3);
///     REQUEST.set(Some("7f3a".to_string()));
///     let child = routine::spawn(|| {
///         assert_eq!(STEPS.get(), 0);
///         REQUEST.with(|request| request.clone())
///     });
///     assert_eq!(child.join().unwrap().as_deref(), Some("7f3a"));
///     assert_eq!(STEPS.get(), 3);
/// });
/// ```
pub struct RoutineLocal<T: 'static> {
    /// As it is declared.
    name: &'static str,
    key: Key,
    init: fn() -> T,
    kind: &'static Kind,
    /// A key takes values in, too: as one of a supertype it would take in what is none of its own.
    takes: PhantomData<fn(T)>,
}

/// The value of a [`RoutineLocal`] is gone: its routine or thread is ending, and has dropped it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AccessError;

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the routine-local value is gone: its routine or thread is ending")
    }
}

impl Error for AccessError {}

impl<T: 'static> fmt::Debug for RoutineLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoutineLocal")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl<T: 'static> RoutineLocal<T> {
    /// What `routine_local!` makes.
    #[doc(hidden)]
    pub const fn __new(name: &'static str, init: fn() -> T) -> RoutineLocal<T> {
        RoutineLocal {
            name,
            key: Key::new(),
            init,
            kind: const { &Kind::of::<T>() },
            takes: PhantomData,
        }
    }

    /// What `routine_local!` makes of `#[inherit]`.
    #[doc(hidden)]
    pub const fn __inherited(name: &'static str, init: fn() -> T) -> RoutineLocal<T>
    where
        T: Clone + Send,
    {
        RoutineLocal {
            name,
            key: Key::new(),
            init,
            kind: const { &Kind::inherited::<T>() },
            takes: PhantomData,
        }
    }

    /// Lends the value to `f`, after initialising it if this is its first use.
    ///
    /// `f` may block: other routines have values of their own.
    ///
    /// **Blocks**: only if `f` or the initialiser does.
    ///
    /// # Panics
    /// If the value is gone (see [`try_with`](RoutineLocal::try_with)), or while
    /// [`with_mut`](RoutineLocal::with_mut) changes it.
    ///
    /// # Go
    /// `ctx.Value(key)`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::routine_local;
    /// use std::cell::Cell;
    ///
    /// routine_local!(static CALLS: Cell<u32> = const { Cell::new(0) });
    ///
    /// rust_routines::run(|| {
    ///     CALLS.with(|calls| calls.set(calls.get() + 1));
    ///     assert_eq!(CALLS.with(|calls| calls.get()), 1);
    /// });
    /// ```
    #[inline]
    #[track_caller]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.try_with(f) {
            Ok(result) => result,
            Err(error) => self.gone(error),
        }
    }

    /// As [`with`](RoutineLocal::with), for destructors of other values.
    ///
    /// **Blocks**: only if `f` or the initialiser does.
    ///
    /// # Errors
    /// [`AccessError`] if the value is gone, because its routine or thread is ending and has dropped it.
    ///
    /// # Panics
    /// While [`with_mut`](RoutineLocal::with_mut) changes the value.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::routine_local;
    ///
    /// routine_local!(static NAME: String = "nobody".to_string());
    ///
    /// assert_eq!(NAME.try_with(|name| name.len()), Ok(6));
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        let node = self.node()?;
        // SAFETY: I3 of the table: this key's nodes are of its type; a borrow keeps it alive.
        match unsafe { node.as_ref() }.look(f) {
            Some(result) => Ok(result),
            None => self.refuse("used", "`with_mut` changes it"),
        }
    }

    /// Lends the value to `f` to be changed, after initialising it if this is its first use.
    ///
    /// **Blocks**: only if `f` or the initialiser does.
    ///
    /// # Panics
    /// If the value is gone, or lent out: `f` may not use this key, nor spawn a routine that inherits it.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::routine_local;
    ///
    /// routine_local!(static SEEN: Vec<u32> = Vec::new());
    ///
    /// SEEN.with_mut(|seen| seen.push(7));
    /// assert_eq!(SEEN.take(), [7]);
    /// ```
    #[inline]
    #[track_caller]
    pub fn with_mut<R>(&'static self, f: impl FnOnce(&mut T) -> R) -> R {
        let node = self.node().unwrap_or_else(|error| self.gone(error));
        // SAFETY: as in `try_with`.
        match unsafe { node.as_ref() }.change(f) {
            Some(result) => result,
            None => self.refuse("changed", "a `with` or `with_mut` uses it"),
        }
    }

    /// A copy of the value, after initialising it if this is its first use.
    ///
    /// **Blocks**: only if the initialiser does.
    ///
    /// # Panics
    /// As [`with`](RoutineLocal::with).
    ///
    /// # Examples
    /// ```
    /// use rust_routines::routine_local;
    ///
    /// routine_local!(static DEPTH: u32 = 1);
    ///
    /// assert_eq!(DEPTH.get(), 1);
    /// ```
    #[inline]
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(|value| *value)
    }

    /// Sets the value. The initialiser does not run; the value before is dropped.
    ///
    /// **Blocks**: only if that destructor does.
    ///
    /// # Panics
    /// If the value is gone, or lent out by [`with`](RoutineLocal::with).
    ///
    /// # Go
    /// `ctx = context.WithValue(ctx, key, value)`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::routine_local;
    ///
    /// routine_local!(static USER: String = panic!("nobody has logged in"));
    ///
    /// USER.set("ann".to_string());
    /// assert_eq!(USER.with(|user| user.len()), 3);
    /// ```
    #[inline]
    #[track_caller]
    pub fn set(&'static self, value: T) {
        drop(self.swap(value));
    }

    /// Calls `f` with another value, and puts back what was there before, if anything, when `f` has returned or
    /// unwound.
    ///
    /// **Blocks**: only if `f` or a destructor does.
    ///
    /// # Panics
    /// As [`set`](RoutineLocal::set).
    ///
    /// # Go
    /// `f(context.WithValue(ctx, key, value))`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::{routine, routine_local};
    ///
    /// routine_local! {
    ///     #[inherit]
    ///     static USER: &str = "nobody";
    /// }
    ///
    /// rust_routines::run(|| {
    ///     let child = USER.with_value("ann", || routine::spawn(|| USER.get()));
    ///     assert_eq!(child.join().unwrap(), "ann");
    ///     assert_eq!(USER.get(), "nobody");
    /// });
    /// ```
    #[track_caller]
    pub fn with_value<R>(&'static self, value: T, f: impl FnOnce() -> R) -> R {
        struct Restore<T: 'static> {
            local: &'static RoutineLocal<T>,
            before: Option<T>,
        }

        impl<T> Drop for Restore<T> {
            fn drop(&mut self) {
                match self.before.take() {
                    Some(before) => drop(self.local.swap(before)),
                    None => drop(self.local.remove()),
                }
            }
        }

        let before = self.swap(value);
        let _restore = Restore {
            local: self,
            before,
        };
        f()
    }

    /// Sets the value and returns the one before, after initialising that if there was none.
    ///
    /// **Blocks**: only if the initialiser does.
    ///
    /// # Panics
    /// As [`set`](RoutineLocal::set).
    ///
    /// # Examples
    /// ```
    /// use rust_routines::routine_local;
    ///
    /// routine_local!(static LEVEL: u32 = 1);
    ///
    /// assert_eq!(LEVEL.replace(5), 1);
    /// assert_eq!(LEVEL.replace(6), 5);
    /// ```
    #[track_caller]
    pub fn replace(&'static self, value: T) -> T {
        if let Err(error) = self.node() {
            self.gone(error);
        }
        self.swap(value)
            .expect("a value was there or was initialised")
    }

    /// Takes the value out, after initialising it if there was none: the next use initialises another.
    ///
    /// **Blocks**: only if the initialiser does.
    ///
    /// # Panics
    /// As [`set`](RoutineLocal::set).
    ///
    /// # Examples
    /// ```
    /// use rust_routines::routine_local;
    ///
    /// routine_local!(static NOTES: Vec<&'static str> = Vec::new());
    ///
    /// NOTES.with_mut(|notes| notes.push("first"));
    /// assert_eq!(NOTES.take(), ["first"]);
    /// assert!(NOTES.take().is_empty());
    /// ```
    #[track_caller]
    pub fn take(&'static self) -> T {
        let node = self.node().unwrap_or_else(|error| self.gone(error));
        // SAFETY: as in `try_with`.
        if unsafe { node.as_ref() }.is_borrowed() {
            self.refuse("taken", "a `with` or `with_mut` uses it");
        }
        let head = locals::with(|locals| locals.take(self.key.number()));
        let head = head.expect("it was there a moment ago");
        // SAFETY: it is of this key's type (I3), not borrowed, and out of its table (I4).
        unsafe { Node::into_value(head) }
    }

    /// Takes the value out, if there is one; initialises none.
    #[track_caller]
    fn remove(&'static self) -> Option<T> {
        match locals::with(|locals| locals.find(self.key.number())) {
            Found::Node(_) => Some(self.take()),
            Found::Nothing | Found::Destroyed => None,
        }
    }

    /// Puts `value` where the present one is, and returns that.
    #[track_caller]
    fn swap(&'static self, value: T) -> Option<T> {
        match locals::with(|locals| locals.find(self.key.number())) {
            Found::Node(head) => {
                // SAFETY: as in `try_with`.
                let node = unsafe { head.cast::<Node<T>>().as_ref() };
                if node.is_borrowed() {
                    self.refuse("set", "a `with` or `with_mut` uses it");
                }
                node.change(|now| std::mem::replace(now, value))
            }
            Found::Nothing if locals::will_end() => {
                let head = Node::make(value, self.kind);
                let before = locals::with(|locals| locals.put(self.key.number(), head));
                // SAFETY: as in `take`; whoever has used it meanwhile, below `make`, has returned.
                before.map(|head| unsafe { Node::into_value(head) })
            }
            Found::Nothing | Found::Destroyed => self.gone(AccessError),
        }
    }

    /// The node of whoever runs here.
    #[inline]
    fn node(&'static self) -> Result<NonNull<Node<T>>, AccessError> {
        match locals::with(|locals| locals.find(self.key.number())) {
            Found::Node(head) => Ok(head.cast()),
            Found::Nothing => self.first_node().map(NonNull::cast),
            Found::Destroyed => Err(AccessError),
        }
    }

    #[cold]
    fn first_node(&'static self) -> Result<NonNull<Head>, AccessError> {
        if !locals::will_end() {
            return Err(AccessError);
        }
        let value = (self.init)();
        // The initialiser may have used the key too: what it returns counts, as in std.
        drop(self.swap(value));
        match locals::with(|locals| locals.find(self.key.number())) {
            Found::Node(head) => Ok(head),
            // The destructor of what the initialiser had set has taken it out again.
            Found::Nothing | Found::Destroyed => Err(AccessError),
        }
    }

    #[cold]
    #[track_caller]
    fn gone(&self, error: AccessError) -> ! {
        panic!(
            "{} (a `{}`): {error}; ask with `try_with`",
            self.name,
            type_name::<T>()
        );
    }

    #[cold]
    #[track_caller]
    fn refuse(&self, what: &str, why: &str) -> ! {
        panic!(
            "the routine-local {} (a `{}`) cannot be {what} while {why}",
            self.name,
            type_name::<T>()
        );
    }
}
