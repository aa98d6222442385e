//! Corners of the syntax: what stands in operands, guards and bodies is any Rust there.
#![expect(
    clippy::let_and_return,
    clippy::nonminimal_bool,
    clippy::needless_borrow,
    reason = "the shapes are what is tested"
)]

use rust_routines::channel::{self, Receiver, RecvError, Sender};
use rust_routines::select;
use rust_routines::time::Duration;
use rust_routines_tests::watched;

fn holding(value: i32) -> (Sender<i32>, Receiver<i32>) {
    let (sender, receiver) = channel::bounded(1);
    sender.send(value).unwrap();
    (sender, receiver)
}

#[test]
fn guards_are_conditions() {
    fn both(receiver: &Receiver<i32>, option: Option<i32>, a: i32, b: i32) -> i32 {
        select! {
            _ = receiver.recv(), if let Some(3) = option => 1,
            _ = receiver.recv(), if a < b && b > a => 2,
            _ = receiver.recv(), if matches!(option, Some(4) | Some(5)) => 3,
            _ = receiver.recv(), if { let sum = a + b; sum == 10 } => 4,
            default => 5,
        }
    }
    watched(|| {
        for (option, a, b, expected) in [
            (Some(3), 1, 1, 1),
            (None, 1, 2, 2),
            (Some(5), 1, 1, 3),
            (None, 6, 4, 4),
            (Some(1), 3, 1, 5),
        ] {
            let (_keep, receiver) = holding(0);
            assert_eq!(both(&receiver, option, a, b), expected);
        }
    });
}

#[test]
fn operands_are_expressions() {
    watched(|| {
        let (_keep, receiver) = holding(5);
        let other = channel::never();
        let pick = |first: bool| if first { &receiver } else { &other };
        assert_eq!(
            select! { v = if true { &receiver } else { &other }.recv() => v },
            Ok(5)
        );
        let (_keep, receiver) = holding(6);
        assert!(select! { _ = pick(false).recv() => false, default => true });
        let got = select! {
            v = match 1 { 1 => &receiver, _ => &other }.recv() => v,
            v = { let inner = &other; inner }.recv() => v,
            v = [&other, &other][0].recv() => v,
            v = (&other).recv() => v,
        };
        assert_eq!(got, Ok(6));
        // An arm that a select has picked.
        let (_keep, receiver) = holding(7);
        let got = select! {
            v = select! { _ = other.recv() => other.recv_arm(), default => receiver.recv_arm() } => v,
        };
        assert_eq!(got, Ok(7));
        // Turbofish, with commas of its own, in an operand that is no channel's.
        fn nothing<A, B>(
            _: A,
            _: B,
        ) -> select::FutureArm<std::future::Pending<Result<i32, RecvError>>> {
            select::future(std::future::pending())
        }
        let got = select! {
            v = nothing::<u8, Vec<(u8, u8)>>(1, Vec::new()) => v,
            v = nothing::<fn(u8) -> u8, _>(|x| x, 'c') => v,
            default => Ok(8),
        };
        assert_eq!(got, Ok(8));
    });
}

#[test]
fn bodies_are_expressions() {
    fn never_returns(receiver: &Receiver<i32>) -> i32 {
        'block: {
            select! { _ = receiver.recv() => break 'block 1, default => break 'block 2 }
        }
    }
    fn generic<T: Default>(receiver: &Receiver<T>) -> T {
        select! {
            value = receiver.recv() => value.unwrap_or_else(|_| T::default()),
            default => <T as Default>::default(),
        }
    }
    fn tail(receiver: &Receiver<i32>) -> Result<i32, RecvError> {
        let n = 1;
        Ok(select! {
            value = receiver.recv(), if n < 2 => value?,
            default(Duration::ZERO) => { let x = 7; x }
        })
    }
    watched(|| {
        let (_keep, receiver) = holding(3);
        assert_eq!(tail(&receiver), Ok(3));
        assert_eq!(tail(&receiver), Ok(7));
        assert_eq!((never_returns(&receiver), generic(&receiver)), (2, 0));
        let mut hits = 0;
        let mut hit = |n: i32| hits += n;
        select! { _ = receiver.recv() => hit(1), default => hit(2) }
        select! {
            _ = receiver.recv() => unsafe_free(),
            default => if hits == 2 { hits = -hits } else { hits = 0 },
        }
        assert_eq!(hits, -2);
        let text = select! {
            receiver.recv() => format!("{}, {}", 1, 2),
            default => match hits { -2 => "two", _ => "other" }.to_string(),
        };
        assert_eq!(text, "two");
        let negative = select! { receiver.recv() => -1, default => -hits };
        assert_eq!(negative, 2);
        let array = select! { receiver.recv() => [0; 2], default => [1, 2] };
        let reference: &[i32] = select! { receiver.recv() => &array[..1], default => &array };
        assert_eq!(reference, [1, 2]);
    });
}

fn unsafe_free() {}

/// A slot that a body may use again, whichever arm is chosen.
#[test]
fn what_operands_borrow_is_free_in_bodies() {
    watched(|| {
        let never = channel::never::<i32>();
        let mut slot = Some(String::from("text"));
        let (sender, receiver) = channel::bounded(0);
        let length = select! {
            _ = never.recv() => slot.is_some() as usize,
            _ = sender.send_from(&mut slot) => slot.take().map_or(1, |_| 2),
            default => slot.take().map_or(3, |text| text.len()),
        };
        assert_eq!((length, slot), (4, None));
        drop(receiver);
        let mut slot = Some(String::new());
        let back = select! { sent = sender.send_from(&mut slot) => sent.map_err(|_| slot.take()) };
        assert_eq!(back, Err(Some(String::new())));
    });
}

/// Alternatives need no parentheses; a leading `|` is one too.
#[test]
fn patterns_have_alternatives() {
    type Either = select::FutureArm<std::future::Ready<Result<i32, i32>>>;
    fn ready(result: Result<i32, i32>) -> Either {
        select::future(std::future::ready(result))
    }
    watched(|| {
        for result in [Ok(1), Err(1)] {
            let never = channel::never::<i32>();
            let got = select! {
                Ok(v) | Err(v) = ready(result), if true => v,
                Ok(_) | Err(RecvError) = never.recv() => 2,
            };
            assert_eq!(got, 1);
            assert_eq!(select! { | Ok(v) | Err(v) = ready(result) => { v } }, 1);
            assert_eq!(
                select! { Ok(v) | Err(v): Result<i32, i32> = ready(result) => v },
                1
            );
        }
    });
}

trait Waits<A, B> {
    fn waits() -> select::FutureArm<std::future::Ready<(Option<A>, Option<B>)>>;
}

impl<A: Default, B: Default> Waits<A, B> for () {
    fn waits() -> select::FutureArm<std::future::Ready<(Option<A>, Option<B>)>> {
        select::future(std::future::ready((Some(A::default()), None)))
    }
}

/// The commas of types are theirs, in each arm.
#[test]
fn patterns_have_types_and_operands_generics() {
    fn take(receiver: &Receiver<i32>, on: bool) -> Result<i32, RecvError> {
        select! {
            v: Result<i32, RecvError> = receiver.recv(), if on => v,
            mut v: Result<i32, RecvError> = receiver.recv(), if on => { v = v.map(|n| n + 1); v }
            (a, b): (Option<u8>, Option<u16>) = <() as Waits<u8, u16>>::waits(), if !on => Ok(i32::from(a < Some(3) && b.is_none())),
            _: Result<i32, RecvError> = receiver.recv(), if on => Ok::<i32, RecvError>(0),
            default => <Result<i32, RecvError> as Clone>::clone(&Err(RecvError)),
        }
    }
    watched(|| {
        let (_keep, receiver) = holding(0);
        assert!(matches!(take(&receiver, true), Ok(0 | 1)));
        assert_eq!(take(&receiver, true), Err(RecvError));
        assert_eq!(take(&receiver, false), Ok(1));
        // What a type asks for may be what the result can become.
        let shown = select! {
            v: Box<dyn std::fmt::Debug> = select::future(async { Box::new(5) }) => format!("{v:?}"),
        };
        assert_eq!(shown, "5");
    });
}

/// A type that has to do with receiving, but is none of ours.
struct Inbox(Receiver<i32>);

impl Inbox {
    fn recv_arm(&self) -> impl select::Arm<Output = Result<i32, RecvError>> {
        self.0.recv_arm()
    }

    /// No call of a channel: an arm already.
    fn recv(&self) -> impl select::Arm<Output = i32> {
        select::map(self.0.recv_arm(), |value| value.map_or(-1, |n| n * 100))
    }

    fn send(&self, value: i32) -> impl select::Arm<Output = i32> {
        select::future(std::future::ready(value))
    }
}

/// By the method's name, and not in parentheses.
#[test]
fn methods_of_other_types_become_arms() {
    watched(|| {
        let (sender, receiver) = holding(1);
        let inbox = std::sync::Arc::new(Inbox(receiver));
        assert_eq!(select! { v = inbox.recv() => v }, Ok(1));
        sender.send(2).unwrap();
        assert_eq!(select! { v = (inbox.recv()) => v, default => 0 }, 200);
        assert_eq!(select! { v = (inbox.send(3)) => v }, 3);
    });
}

/// A result that nobody binds is gone before the body runs.
#[test]
fn ignored_results_are_gone_in_bodies() {
    watched(|| {
        let drops = rust_routines_tests::drops::Drops::new();
        let (sender, receiver) = channel::bounded(3);
        (0..3).for_each(|_| sender.send(drops.track()).unwrap());
        select! { _ = receiver.recv() => assert_eq!(drops.alive(), 2) }
        select! { receiver.recv() => assert_eq!(drops.alive(), 1) }
        select! { _kept = receiver.recv() => assert_eq!(drops.alive(), 1) }
        assert_eq!((drops.made(), drops.alive()), (3, 0));
    });
}
