//! The futures of locks as arms: cancel-safe, so a select may withdraw them at any time.
//!
//! They have no way of their own into a select, as channels have: a look and, if that finds nothing, a cell
//! in the heap, in the same line as everybody else.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::arm::Arm;
use crate::sync::{
    AcquireFuture, LatchFuture, LockFuture, NotifyFuture, ReadFuture, WaitGroupFuture, WriteFuture,
};

macro_rules! arm {
    ($future:ident $(<$value:ident>)?) => {
        #[diagnostic::do_not_recommend]
        impl<'a $(, $value: ?Sized)?> Arm for $future<'a $(, $value)?> {
            type Output = <Self as Future>::Output;

            fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Self::Output> {
                Future::poll(Pin::new(self), cx)
            }
        }
    };
}

arm!(AcquireFuture);
arm!(LatchFuture);
arm!(NotifyFuture);
arm!(WaitGroupFuture);
arm!(LockFuture<T>);
arm!(ReadFuture<T>);
arm!(WriteFuture<T>);
