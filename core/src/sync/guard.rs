//! What all guards have in common: they are the right to a value, and let go of it when they are dropped.
//!
//! A guard stays with its taker unless it is of the kind that moves: so that a lock is released where it
//! was taken, as with std's, and so that its holder is known when a deadlock is looked for. Futures and
//! locks in an `Arc` give the kind that moves: a future that holds it may be sent.

use std::marker::PhantomData;

/// The kind of guard that is not `Send`: what the blocking calls give.
#[derive(Debug)]
pub struct Stays(PhantomData<*const ()>);

/// The kind of guard that is `Send`, if the value is: what futures give.
#[derive(Debug)]
pub struct Moves(());

/// `Deref`, `Debug` and `Display` of a guard, with its way to the value.
macro_rules! deref {
    ($guard:ident<$($life:lifetime,)? $value:ident $(, $kind:ident)?>, $of:ident => $pointer:expr) => {
        impl<$($life,)? $value: ?Sized $(, $kind)?> std::ops::Deref for $guard<$($life,)? $value $(, $kind)?> {
            type Target = $value;
            #[inline]
            fn deref(&self) -> &$value {
                let $of = self;
                // SAFETY: the guard is the right to the value.
                unsafe { &*$pointer }
            }
        }

        impl<$($life,)? $value: ?Sized + std::fmt::Debug $(, $kind)?> std::fmt::Debug
            for $guard<$($life,)? $value $(, $kind)?>
        {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<$($life,)? $value: ?Sized + std::fmt::Display $(, $kind)?> std::fmt::Display
            for $guard<$($life,)? $value $(, $kind)?>
        {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                (**self).fmt(f)
            }
        }
    };
}
pub(super) use deref;

/// `DerefMut` of a guard that is alone.
macro_rules! deref_mut {
    ($guard:ident<$($life:lifetime,)? $value:ident $(, $kind:ident)?>, $of:ident => $pointer:expr) => {
        $crate::sync::guard::deref!($guard<$($life,)? $value $(, $kind)?>, $of => $pointer);

        impl<$($life,)? $value: ?Sized $(, $kind)?> std::ops::DerefMut for $guard<$($life,)? $value $(, $kind)?> {
            #[inline]
            fn deref_mut(&mut self) -> &mut $value {
                let $of = self;
                // SAFETY: the guard is the right to the value, alone.
                unsafe { &mut *$pointer }
            }
        }
    };
}
pub(super) use deref_mut;
