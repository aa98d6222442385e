//! What a select can wait for.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::native::Native;
use crate::sched::forbid::forbid_park;

/// Something that a [`select!`](crate::select!) can wait for.
///
/// Channel ends, timers and handles are arms already, and [`future`] makes one of any future. For
/// something else - another library's receiver, a condition of one's own - implement `poll`, which has
/// the contract of [`Future::poll`] with three rules more:
///
/// - `Ready` takes effect: the select polls no other arm after it, and ends.
/// - Dropping the arm withdraws it. One that is dropped while pending has had no effect.
/// - It may be polled again after it was pending, with another waker; only the last one counts.
///
/// A waker that is kept beyond the arm's life, or that fires for nothing, harms nobody. `poll` must not
/// park; a park in it panics.
///
/// # Go
/// A `case`; but Go knows channels only.
///
/// # Examples
/// ```
/// use rust_routines::select::{self, Arm};
/// use std::task::{Context, Poll};
///
/// /// Ready at the third look.
/// struct Third(u32);
///
/// impl Arm for Third {
///     type Output = &'static str;
///
///     fn poll(&mut self, cx: &mut Context<'_>) -> Poll<&'static str> {
///         self.0 += 1;
///         if self.0 == 3 {
///             return Poll::Ready("third");
///         }
///         cx.waker().wake_by_ref();
///         Poll::Pending
///     }
/// }
///
/// let text = rust_routines::select! {
///     text = Third(0) => text,
/// };
/// assert_eq!(text, "third");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not something that `select!` can wait for",
    label = "not an arm of a select",
    note = "arms are `rx.recv()`, `tx.send(value)`, `tx.send_from(&mut slot)`, `time::after(duration)`, `timer.recv()`, `token.cancelled()`, `&mut handle` and what implements `select::Arm`",
    note = "for a future, write `select::future(the_future)`",
    note = "only a call that the operand ends with is turned into an arm: not that in `rx.recv().unwrap()`, in `(rx.recv())` or in `rx.try_recv()`"
)]
pub trait Arm {
    /// What it gives when it is chosen.
    type Output;

    /// Takes effect, if it can at once; if not, `cx`'s waker is woken when another look pays off.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Self::Output>;

    /// The arms of this crate have a faster way, which is closed to others.
    #[doc(hidden)]
    fn native(&self) -> Option<Sealed<'_>> {
        None
    }

    /// After it has taken effect that way: puts the result into its place. A large one is moved there once,
    /// where `poll` would move it through a frame or two.
    #[doc(hidden)]
    fn collect(&mut self, output: &mut Option<Self::Output>) {
        if let Poll::Ready(ready) = self.poll(&mut Context::from_waker(Waker::noop())) {
            *output = Some(ready);
        }
    }
}

/// The faster way of this crate's own arms.
#[doc(hidden)]
pub struct Sealed<'a>(pub(crate) &'a dyn Native);

impl fmt::Debug for Sealed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed")
    }
}

#[diagnostic::do_not_recommend]
impl<A: Arm + ?Sized> Arm for &mut A {
    type Output = A::Output;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<A::Output> {
        (**self).poll(cx)
    }

    fn native(&self) -> Option<Sealed<'_>> {
        (**self).native()
    }

    fn collect(&mut self, output: &mut Option<A::Output>) {
        (**self).collect(output);
    }
}

#[diagnostic::do_not_recommend]
impl<A: Arm + ?Sized> Arm for Box<A> {
    type Output = A::Output;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<A::Output> {
        (**self).poll(cx)
    }

    fn native(&self) -> Option<Sealed<'_>> {
        (**self).native()
    }

    fn collect(&mut self, output: &mut Option<A::Output>) {
        (**self).collect(output);
    }
}

/// An arm of any future; it is dropped with the arm, finished or not.
///
/// Only futures that do not lose anything when they are dropped while pending (*cancel-safe* ones)
/// should be given away like this; to go on with one in the next select, give a `&mut` of a pinned one.
///
/// # Go
/// No counterpart.
///
/// # Examples
/// ```
/// use rust_routines::{channel, select};
///
/// let (_tx, rx) = channel::bounded::<u32>(1);
/// let sum = select! {
///     value = rx.recv() => value.unwrap(),
///     sum = select::future(async { 1 + 2 }) => sum,
/// };
/// assert_eq!(sum, 3);
/// ```
pub fn future<F: Future>(future: F) -> FutureArm<F> {
    FutureArm {
        future: Box::pin(future),
    }
}

/// See [`future`].
pub struct FutureArm<F> {
    future: Pin<Box<F>>,
}

#[diagnostic::do_not_recommend]
impl<F: Future> Arm for FutureArm<F> {
    type Output = F::Output;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.future.as_mut().poll(cx)
    }
}

impl<F> fmt::Debug for FutureArm<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FutureArm { .. }")
    }
}

#[diagnostic::do_not_recommend]
impl<T> Arm for crate::spawn::JoinHandle<T> {
    type Output = Result<T, crate::spawn::JoinError>;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Future::poll(Pin::new(self), cx)
    }
}

/// An arm with another result; see [`map`].
pub struct Map<A, F> {
    arm: A,
    f: Option<F>,
}

/// An arm whose result goes through `f`, for a [`Select`](super::Select) of different arms.
///
/// `f` is called in the middle of the select: a park in it panics, and if it panics the result is lost.
///
/// # Go
/// No counterpart.
///
/// # Examples
/// ```
/// use rust_routines::{channel, select::{self, Select}};
///
/// let (numbers, a) = channel::bounded::<u32>(1);
/// let (_words, b) = channel::bounded::<&str>(1);
/// numbers.send(7).unwrap();
/// let mut select = Select::new();
/// select.add(select::map(a.recv_async(), |number| number.unwrap().to_string()));
/// select.add(select::map(b.recv_async(), |word| word.unwrap().to_string()));
/// assert_eq!(select.wait(), (0, "7".to_string()));
/// ```
pub fn map<A: Arm, F, R>(arm: A, f: F) -> Map<A, F>
where
    F: FnOnce(A::Output) -> R,
{
    Map { arm, f: Some(f) }
}

#[diagnostic::do_not_recommend]
impl<A: Arm, F, R> Arm for Map<A, F>
where
    F: FnOnce(A::Output) -> R,
{
    type Output = R;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<R> {
        let output = match self.arm.poll(cx) {
            Poll::Ready(output) => output,
            Poll::Pending => return Poll::Pending,
        };
        let f = self.f.take().expect("an arm is ready once");
        let _guard = forbid_park();
        Poll::Ready(f(output))
    }

    fn native(&self) -> Option<Sealed<'_>> {
        self.arm.native()
    }
}

impl<A, F> fmt::Debug for Map<A, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Map { .. }")
    }
}
