//! B10: operands and guards are evaluated once, in order, whatever is chosen; what they borrow lives
//! as long as the select.

use std::cell::RefCell;

use rust_routines::channel::{self, Receiver, Sender};
use rust_routines::select;
use rust_routines::time::{self, Duration};
use rust_routines_tests::drops::Drops;
use rust_routines_tests::watched;

use super::workers;

/// Notes in which order things are asked for.
#[derive(Default)]
struct Notes(RefCell<Vec<&'static str>>);

impl Notes {
    fn note<T>(&self, name: &'static str, value: T) -> T {
        self.0.borrow_mut().push(name);
        value
    }

    fn take(&self) -> Vec<&'static str> {
        self.0.take()
    }
}

#[test]
fn b10_operands_are_evaluated_once_and_in_order() {
    watched(|| {
        let notes = Notes::default();
        let (sender, receiver) = channel::bounded::<u32>(1);
        let never = channel::never::<u32>();
        // Whichever is chosen, first arm, last arm or default.
        for round in 0..3 {
            select! {
                _ = notes.note("never", &never).recv() => {}
                _ = notes.note("sender", &sender).send(notes.note("value", 1)) => assert_eq!(round, 0),
                _ = notes.note("never again", &never).recv() => {}
                default(notes.note("timeout", Duration::ZERO)) => assert!(round > 0),
            }
            let expected = ["never", "sender", "value", "never again", "timeout"];
            assert_eq!(notes.take(), expected);
        }
        select! {
            value = notes.note("receiver", &receiver).recv() => assert_eq!(notes.note("body", value), Ok(1)),
            _ = time::after(notes.note("duration", Duration::from_secs(60))) => {}
        }
        assert_eq!(notes.take(), ["receiver", "duration", "body"]);
    });
}

/// Also where it has to wait, and looks several times.
#[test]
fn b10_operands_are_evaluated_once_where_it_waits() {
    watched(|| {
        workers(1).run(|| {
            let notes = Notes::default();
            let (sender, receiver) = channel::bounded(0);
            let other = channel::never::<u32>();
            let sends = rust_routines::routine::spawn(move || sender.send(5));
            let got = select! {
                value = notes.note("receiver", &receiver).recv() => value,
                value = notes.note("other", &other).recv() => value,
            };
            assert_eq!(got, Ok(5));
            assert_eq!(notes.take(), ["receiver", "other"]);
            sends.join().unwrap().unwrap();
        });
    });
}

/// A guard comes before its operand, which is not evaluated when it is false.
#[test]
fn b10_a_false_guard_leaves_its_operand_alone() {
    watched(|| {
        let notes = Notes::default();
        let (sender, receiver) = channel::bounded::<u32>(1);
        select! {
            notes.note("a", &receiver).recv(), if notes.note("if a", false) => {}
            notes.note("b", &sender).send(notes.note("value", 1)), if notes.note("if b", true) => {}
            notes.note("c", &receiver).recv(), if notes.note("if c", false) => {}
            default => panic!("there is room"),
        }
        assert_eq!(notes.take(), ["if a", "if b", "b", "value", "if c"]);
        fn absent() -> Receiver<u32> {
            panic!("not to be evaluated")
        }
        let kept = absent as fn() -> Receiver<u32>;
        let option: Option<Receiver<u32>> = None;
        select! {
            option.as_ref().unwrap().recv(), if option.is_some() => panic!("it is off"),
            value = receiver.recv() => assert_eq!(value, Ok(1)),
        }
        assert!(std::panic::catch_unwind(kept).is_err());
    });
}

/// The left side is bound only where its arm is chosen.
#[test]
fn b10_only_the_chosen_body_runs() {
    watched(|| {
        let notes = Notes::default();
        let (sender, receiver) = channel::bounded(1);
        sender.send(1).unwrap();
        let never = channel::never::<u32>();
        let mut left = [0; 2];
        select! {
            value = receiver.recv() => left[notes.note("first", 0)] = value.unwrap(),
            value = never.recv() => left[notes.note("second", 1)] = value.unwrap(),
        }
        assert_eq!((left, notes.take()), ([1, 0], vec!["first"]));
    });
}

struct Holder {
    ends: (Sender<u32>, Receiver<u32>),
}

impl Holder {
    fn channel(&self) -> Receiver<u32> {
        self.ends.1.clone()
    }

    fn receive(&self) -> Option<u32> {
        select! {
            value = self.channel().recv() => value.ok(),
            value = self.ends.1.recv() => value.ok(),
            value = self.channel().clone().recv() => value.ok(),
        }
    }
}

fn pair() -> (Sender<u32>, Receiver<u32>) {
    let (sender, receiver) = channel::bounded(1);
    sender.send(7).unwrap();
    (sender, receiver)
}

/// Temporaries in operands live until the arms are gone.
#[test]
fn temporaries_live_as_long_as_the_wait() {
    watched(|| {
        let holder = Holder { ends: pair() };
        assert_eq!(holder.receive(), Some(7));
        assert_eq!(select! { value = pair().1.recv() => value }, Ok(7));
        let sent = select! { sent = channel::bounded(1).0.send(3) => sent };
        assert_eq!(
            sent,
            Ok(()),
            "the receiver of the temporary pair still lives"
        );
        let boxed = Box::new(pair());
        let shared = std::sync::Arc::new(pair());
        let guarded = std::sync::Mutex::new(pair().1);
        select! {
            value = boxed.1.recv() => assert_eq!(value, Ok(7)),
            value = (*shared).1.recv() => assert_eq!(value, Ok(7)),
            value = guarded.lock().unwrap().recv() => assert_eq!(value, Ok(7)),
        }
        assert!(
            guarded.try_lock().is_ok(),
            "the guard in the operand has gone"
        );
    });
}

/// Temporaries are dropped before the body runs, arms before that.
#[test]
fn arms_and_temporaries_are_gone_when_the_body_runs() {
    watched(|| {
        let drops = Drops::new();
        let (sender, receiver) = channel::bounded::<u32>(1);
        sender.send(1).unwrap();
        let with = |tracked, receiver: &Receiver<u32>| (tracked, receiver.clone());
        select! {
            _ = with(drops.track(), &receiver).1.recv() => assert_eq!(drops.alive(), 0),
            _ = with(drops.track(), &channel::never()).1.recv() => {}
        }
        assert_eq!(drops.made(), 2);
    });
}

/// An operand that panics leaves nothing behind: what was evaluated before it is dropped.
#[test]
fn an_operand_that_panics_leaves_nothing_behind() {
    fn fails() -> Receiver<u32> {
        std::panic::resume_unwind(Box::new("an operand"))
    }
    watched(|| {
        let drops = Drops::new();
        let (sender, receiver) = channel::bounded(1);
        let thrown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            select! {
                _ = sender.send(drops.track()) => {}
                _ = fails().recv() => {}
            }
        }));
        assert!(thrown.is_err());
        assert_eq!((drops.made(), drops.alive()), (1, 0));
        assert!(receiver.try_recv().is_err());
    });
}
