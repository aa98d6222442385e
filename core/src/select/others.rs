//! What the compiler says where `recv` or `send` in an arm belongs to something else than our channels.
//!
//! `x.recv()` in an arm stands for `x.recv_arm()`: a name that the user has not written. So the expansion
//! has traits in scope with methods of these names, for all types that are ... and none is. Where a type has
//! neither the method nor, therefore, the trait, the compiler tells why it has not the trait, in the words
//! below. A type's own method comes first, so nothing else changes.

use std::convert::Infallible;

/// Has `recv_arm` in its name only.
pub trait Recv {
    #[doc(hidden)]
    fn recv_arm(&self) -> Infallible;
}

impl<T: Receives + ?Sized> Recv for T {
    fn recv_arm(&self) -> Infallible {
        self.nobody()
    }
}

/// Nothing is.
#[diagnostic::on_unimplemented(
    message = "`select!` cannot receive from `{Self}`",
    label = "not a channel of rust-routines",
    note = "`x.recv()` in an arm of `select!` stands for `x.recv_arm()`: a type of your own needs a method `fn recv_arm(&self) -> impl select::Arm`, and no trait",
    note = "if its `recv()` returns an arm itself, write it in parentheses: `(x.recv())`"
)]
pub trait Receives {
    #[doc(hidden)]
    fn nobody(&self) -> Infallible;
}

/// Has `send_arm` in its name only.
pub trait Send {
    #[doc(hidden)]
    fn send_arm(&self) -> Infallible;
}

impl<T: Sends + ?Sized> Send for T {
    fn send_arm(&self) -> Infallible {
        self.nobody()
    }
}

/// Nothing is.
#[diagnostic::on_unimplemented(
    message = "`select!` cannot send to `{Self}`",
    label = "not a channel of rust-routines",
    note = "`x.send(value)` in an arm of `select!` stands for `x.send_arm(value)`: a type of your own needs a method `fn send_arm(&self, value: T) -> impl select::Arm`, and no trait",
    note = "if its `send(value)` returns an arm itself, write it in parentheses: `(x.send(value))`"
)]
pub trait Sends {
    #[doc(hidden)]
    fn nobody(&self) -> Infallible;
}
