//! Each form of an arm, any number of arms, what bodies may do, and the value of the select.

use rust_routines::channel::{self, Receiver, RecvError, Sender};
use rust_routines::routine;
use rust_routines::select;
use rust_routines::time::{self, Duration, Instant};
use rust_routines_tests::{LIMIT, watched};

use super::workers;

/// A channel with one value in it.
fn holding<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = channel::bounded(1);
    sender.send(value).unwrap();
    (sender, receiver)
}

#[test]
fn each_form_of_an_arm() {
    watched(|| {
        let (_keep, full) = holding(1);
        let (sender, receiver) = channel::bounded(1);
        // pattern = rx.recv() => expression
        assert_eq!(select! { value = full.recv() => value }, Ok(1));
        // result = tx.send(value) => expression
        assert_eq!(select! { sent = sender.send(2) => sent }, Ok(()));
        // operation => expression, without a binding
        assert_eq!(select! { receiver.recv() => "received" }, "received");
        assert_eq!(select! { sender.send(3) => "sent" }, "sent");
        // default => expression
        assert_eq!(
            select! { full.recv() => "received", default => "nothing" },
            "nothing"
        );
        // default(timeout) => expression
        let begun = std::time::Instant::now();
        let text = select! {
            full.recv() => "received",
            default(Duration::from_millis(5)) => "late",
        };
        assert_eq!(text, "late");
        assert!(begun.elapsed() >= Duration::from_millis(5));
        // any other arm
        let at: Instant = select! { at = time::after(Duration::from_millis(1)) => at };
        assert!(at <= Instant::now());
        // tx.send_from(&mut slot)
        let mut slot = Some(4);
        assert_eq!(receiver.recv(), Ok(3));
        select! { sent = sender.send_from(&mut slot) => sent.unwrap() };
        assert_eq!((slot, receiver.recv()), (None, Ok(4)));
    });
}

#[test]
fn guards_turn_arms_off() {
    watched(|| {
        let (_keep, a) = holding('a');
        let (_also, b) = holding('b');
        for (on_a, on_b, expected) in [(true, false, 'a'), (false, true, 'b'), (false, false, '-')]
        {
            let found = select! {
                value = a.recv(), if on_a => value.unwrap(),
                value = b.recv(), if on_b && !on_a => value.unwrap(),
                default => '-',
            };
            assert_eq!(found, expected);
        }
        let (_keep, a) = holding('a');
        let chosen = select! {
            a.recv(), if a.len() == 1 => 1,
            default(LIMIT) => 2,
        };
        assert_eq!(chosen, 1);
        assert_eq!(
            select! { _ = a.recv(), if false => 1, default(Duration::ZERO) => 2 },
            2
        );
    });
}

#[test]
fn patterns_may_take_things_apart() {
    watched(|| {
        let (_keep, pairs) = holding((1, [2, 3]));
        let (.., done) = pairs.try_recv().map(|(a, b)| (a, b)).unwrap();
        assert_eq!(done, [2, 3]);
        struct Pair {
            left: u32,
            right: u32,
        }
        /// Gives what it was made of.
        struct Ready<T>(Option<T>);
        impl<T> select::Arm for Ready<T> {
            type Output = T;
            fn poll(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<T> {
                std::task::Poll::Ready(self.0.take().unwrap())
            }
        }
        let sum = select! { Pair { left, right: r } = Ready(Some(Pair { left: 1, right: 2 })) => left + r };
        assert_eq!(sum, 3);
        let sum =
            select! { (mut a, _, [b, ..]) = Ready(Some((1, "x", [5, 6, 7]))) => { a += b; a } };
        assert_eq!(sum, 6);
        let text = select! { ref text @ _ = Ready(Some(String::from("text"))) => text.len() };
        assert_eq!(text, 4);
        let number = select! { Ok(n) | Err(n) = Ready(Some(Err::<u8, u8>(9))) => n };
        assert_eq!(number, 9);
        let typed = select! { n: u64 = Ready(Some(1 << 40)) => n };
        assert_eq!(typed, 1 << 40);
    });
}

#[test]
fn commas_and_blocks() {
    watched(|| {
        let nothing = channel::never::<u32>();
        // Blocks without commas, trailing commas, none at the end.
        let a = select! {
            _ = nothing.recv() => { 1 }
            nothing.recv() => { 2 }
            default => { 3 }
        };
        let b = select! { nothing.recv() => 1, default => 2 };
        let c = select! { nothing.recv() => { 1 }, default => { 2 }, };
        let d = select! {
            n = nothing.recv() => match n { Ok(n) => n, Err(_) => 0 },
            nothing.recv(), if a == 3 => { 1 }.max(7),
            default => if b == 2 { 4 } else { 5 },
        };
        assert_eq!((a, b, c, d), (3, 2, 2, 4));
        // Default at any place.
        assert_eq!(select! { default => 1, nothing.recv() => 2 }, 1);
        assert_eq!(
            select! { nothing.recv() => 2, default => 1, nothing.recv() => 3, },
            1
        );
        // Brackets of all kinds, macros and closures in bodies.
        let (x, y) = (1_u32, 2);
        let v = select! { default => vec![x, y], nothing.recv() => Vec::<u32>::new() };
        assert_eq!(v, [1, 2]);
        let f = select! { nothing.recv() => |a, b| a + b, default => |a: i32, b: i32| a * b };
        assert_eq!(f(3, 4), 12);
        let pairs =
            select! { nothing.recv() => Vec::<(u8, u8)>::with_capacity(1), default => Vec::new() };
        assert!(pairs.is_empty());
        let ordered = select! { nothing.recv() => false, default => x <= y && x >= 1 };
        assert!(ordered);
    });
}

/// From one arm to twelve: each of them can be the one.
#[test]
fn any_number_of_arms() {
    watched(|| {
        let channels: Vec<_> = (0..12).map(|_| channel::bounded::<usize>(1)).collect();
        let r: Vec<_> = channels.iter().map(|(_, receiver)| receiver).collect();
        macro_rules! with_arms {
            ($count:expr; $($number:expr),*) => {
                for ready in 0..$count {
                    channels[ready].0.send(ready).unwrap();
                    let chosen = select! { $(value = r[$number].recv() => (value, $number)),* };
                    assert_eq!(chosen, (Ok(ready), ready));
                }
            };
        }
        with_arms!(1; 0);
        with_arms!(2; 0, 1);
        with_arms!(3; 0, 1, 2);
        with_arms!(4; 0, 1, 2, 3);
        with_arms!(5; 0, 1, 2, 3, 4);
        with_arms!(6; 0, 1, 2, 3, 4, 5);
        with_arms!(7; 0, 1, 2, 3, 4, 5, 6);
        with_arms!(8; 0, 1, 2, 3, 4, 5, 6, 7);
        with_arms!(9; 0, 1, 2, 3, 4, 5, 6, 7, 8);
        with_arms!(10; 0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
        with_arms!(11; 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
        with_arms!(12; 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    });
}

/// One arm and a default are a try.
#[test]
fn b12_one_arm_with_a_default_is_a_try() {
    watched(|| {
        let (sender, receiver) = channel::bounded(1);
        let try_send = |n| select! { sent = sender.send(n) => Some(sent), default => None };
        let try_recv = || select! { value = receiver.recv() => Some(value), default => None };
        assert_eq!(try_recv(), None);
        assert_eq!(try_send(1), Some(Ok(())));
        assert_eq!(try_send(2), None);
        assert_eq!(try_recv(), Some(Ok(1)));
        assert!(sender.close());
        assert_eq!(try_recv(), Some(Err(RecvError)));
        assert_eq!(try_send(3).map(|sent| sent.unwrap_err().0), Some(3));
    });
}

#[test]
fn nested_selects() {
    watched(|| {
        let (sender, receiver) = channel::bounded(3);
        (0..3).for_each(|i| sender.send(i).unwrap());
        let all = select! {
            a = receiver.recv() => select! {
                b = receiver.recv() => {
                    let c = select! { c = receiver.recv() => c, default => Ok(9) };
                    (a, b, c)
                }
                default => unreachable!(),
            },
        };
        assert_eq!(all, (Ok(0), Ok(1), Ok(2)));
        // In an operand and in a guard.
        let inner = channel::never::<u32>();
        let n = select! {
            sent = sender.send(select! { inner.recv() => 1, default => 2 }),
                if select! { inner.recv() => false, default => true } => sent.map(|()| receiver.recv()),
        };
        assert_eq!(n, Ok(Ok(2)));
    });
}

#[test]
fn break_and_continue_in_bodies() {
    watched(|| {
        let (sender, receiver) = channel::unbounded();
        (0..10).for_each(|i| sender.send(i).unwrap());
        drop(sender);
        let mut odd = Vec::new();
        loop {
            select! {
                value = receiver.recv() => match value {
                    Ok(n) if n % 2 == 0 => continue,
                    Ok(n) => odd.push(n),
                    Err(RecvError) => break,
                },
            }
        }
        assert_eq!(odd, [1, 3, 5, 7, 9]);
        let (sender, receiver) = holding(5);
        let found = 'outer: loop {
            for _ in 0.. {
                select! {
                    n = receiver.recv() => break 'outer n,
                    sent = sender.send(0), if false => { let _ = sent; continue 'outer }
                }
            }
        };
        assert_eq!(found, Ok(5));
        while let Ok(n) = select! { n = receiver.recv() => n, default => Err(RecvError) } {
            panic!("{n} was sent by nobody");
        }
    });
}

#[test]
fn return_and_question_mark_in_bodies() {
    fn first(receiver: &Receiver<u32>) -> Result<u32, RecvError> {
        select! {
            value = receiver.recv() => {
                let value = value?;
                if value > 5 {
                    return Ok(100);
                }
                Ok(value)
            }
        }
    }
    fn short(receiver: &Receiver<u32>) -> Result<u32, RecvError> {
        Ok(select! { value = receiver.recv() => value?, default => return Ok(0) } + 1)
    }
    watched(|| {
        let (sender, receiver) = channel::bounded(2);
        sender.send(7).unwrap();
        sender.send(3).unwrap();
        assert_eq!((first(&receiver), first(&receiver)), (Ok(100), Ok(3)));
        assert_eq!(short(&receiver), Ok(0));
        sender.send(3).unwrap();
        assert_eq!(short(&receiver), Ok(4));
        drop(sender);
        assert_eq!(
            (first(&receiver), short(&receiver)),
            (Err(RecvError), Err(RecvError))
        );
    });
}

/// The value: in an expression, of a type that is not `Copy`, of a reference, and none.
#[test]
fn the_value_of_a_select() {
    watched(|| {
        let (_keep, receiver) = holding(String::from("ab"));
        let local = String::from("local");
        let text: &str = select! { _ = receiver.recv() => &local, default => "default" };
        assert_eq!(text, "local");
        let sum = 1 + select! { receiver.recv() => 1, default => 2 } * 3;
        assert_eq!(sum, 7);
        let unit: () = select! { receiver.recv() => (), default => {} };
        assert_eq!(unit, ());
        let boxed: Box<dyn Fn() -> u32> =
            select! { receiver.recv() => Box::new(|| 1), default => Box::new(|| 2) };
        assert_eq!(boxed(), 2);
        fn always() -> u32 {
            select! { default => 5 }
        }
        assert_eq!(always(), 5);
        assert_eq!(select! { default => 1 + 1 } * 2, 4);
    });
}

/// A default alone is chosen; with a duration it waits for that.
#[test]
fn a_default_alone() {
    watched(|| {
        assert_eq!(select! { default => 1, }, 1);
        let begun = std::time::Instant::now();
        assert_eq!(select! { default(Duration::from_millis(3)) => 2 }, 2);
        assert!(begun.elapsed() >= Duration::from_millis(3));
    });
}

/// B13: a select without arms waits for ever, also one whose arms are all off; dropping the runtime
/// ends it, with its destructors.
#[test]
fn b13_a_select_without_arms_waits_for_ever() {
    struct Says(Sender<&'static str>);
    impl Drop for Says {
        fn drop(&mut self) {
            self.0.send("unwound").unwrap();
        }
    }
    watched(|| {
        let runtime = workers(1);
        let (says, heard) = channel::unbounded();
        let of_empty = says.clone();
        runtime.spawn(move || {
            let _says = Says(of_empty);
            select! {}
        });
        let of_off = says.clone();
        runtime.spawn(move || {
            let _says = Says(of_off);
            let (sender, receiver) = holding(1);
            let never = channel::never::<u32>();
            select! {
                receiver.recv(), if sender.is_empty() => {}
                sender.send(2), if receiver.is_empty() => {}
                never.recv() => {}
            }
        });
        runtime.spawn(move || {
            let _says = Says(says);
            let select: select::Select<'_, ()> = select::Select::new();
            select.wait();
        });
        (0..3).for_each(|_| runtime.run(routine::yield_now));
        assert_eq!(heard.len(), 0);
        drop(runtime);
        assert_eq!(heard.iter().collect::<Vec<_>>(), ["unwound"; 3]);
    });
}

/// A guard of `default`: if it is false the select waits as if there were none.
#[test]
fn default_takes_a_guard() {
    watched(|| {
        let (tx, rx) = channel::bounded::<u32>(1);
        let ask = |impatient: bool| {
            select! { value = rx.recv() => value.unwrap(), default, if impatient => 0 }
        };
        assert_eq!(ask(true), 0);
        tx.send(1).unwrap();
        assert_eq!(ask(false), 1);
        let later = std::thread::spawn(move || tx.send(2));
        assert_eq!(ask(false), 2, "it has waited");
        later.join().unwrap().unwrap();
        let never = channel::never::<u32>();
        let timed = select! {
            _ = never.recv() => 1,
            default(Duration::from_millis(1)), if rx.is_empty() => 2,
        };
        assert_eq!(timed, 2);
        assert_eq!(select! { default, if timed == 2 => 3 }, 3);
    });
}
