//! One value for each routine or thread; set, take, borrow.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rust_routines::{channel, routine, routine_local, run};
use rust_routines_tests::watched;

use super::workers;

fn panics(f: impl FnOnce()) -> String {
    let payload = panic::catch_unwind(AssertUnwindSafe(f)).expect_err("it should panic");
    payload
        .downcast::<String>()
        .map(|text| *text)
        .unwrap_or_default()
}

#[test]
fn each_routine_has_its_own_over_every_wait() {
    routine_local!(static OWN: Rc<Cell<u64>> = Rc::default());
    watched(|| {
        for count in [1, 4] {
            let runtime = workers(count);
            // Room for one of each: who sends never waits, and so somebody can always go on.
            let (tx, rx) = channel::bounded(200);
            let routines: Vec<_> = (0..200)
                .map(|i| {
                    let (tx, rx) = (tx.clone(), rx.clone());
                    runtime.spawn(move || {
                        assert_eq!(OWN.with(|own| own.get()), 0, "a routine begins without");
                        OWN.with(|own| own.set(i));
                        let kept = OWN.with(Rc::clone);
                        for _ in 0..10 {
                            routine::yield_now();
                            let other = rx.clone();
                            let receiver = routine::spawn(move || other.recv().unwrap());
                            tx.send(i).unwrap();
                            receiver.join().unwrap();
                            assert_eq!(OWN.with(|own| own.get()), i);
                        }
                        assert!(OWN.with(|own| Rc::ptr_eq(own, &kept)));
                    })
                })
                .collect();
            for routine in routines {
                routine.join().unwrap();
            }
        }
    });
}

#[test]
fn the_initialiser_runs_at_the_first_use_and_once() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    routine_local!(static LAZY: usize = MADE.fetch_add(1, Ordering::SeqCst));
    run(|| {
        let idle = routine::spawn(|| ());
        idle.join().unwrap();
        assert_eq!(MADE.load(Ordering::SeqCst), 0);
        let first = LAZY.get();
        routine::yield_now();
        assert_eq!(LAZY.get(), first);
        let other = routine::spawn(|| (LAZY.get(), LAZY.get())).join().unwrap();
        assert_eq!((first, other), (0, (1, 1)));
        assert_eq!(MADE.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn an_initialiser_that_panics_is_tried_again() {
    thread_local!(static WORKS: Cell<bool> = const { Cell::new(false) });
    routine_local!(static VALUE: u32 = if WORKS.get() { 5 } else { panic!("not yet") });
    WORKS.set(false);
    panics(|| assert_eq!(VALUE.get(), 0));
    WORKS.set(true);
    assert_eq!(VALUE.get(), 5);
}

#[test]
fn an_initialiser_may_use_its_own_key() {
    routine_local!(static VALUE: String = {
        VALUE.set("first".to_string());
        VALUE.with(|value| format!("{value} and last"))
    });
    assert_eq!(VALUE.take(), "first and last");
}

#[test]
fn set_and_replace_and_take() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    routine_local!(static VALUE: String = {
        MADE.fetch_add(1, Ordering::SeqCst);
        "initial".to_string()
    });
    run(|| {
        VALUE.set("a".to_string());
        assert_eq!(MADE.load(Ordering::SeqCst), 0, "set does not initialise");
        assert_eq!(VALUE.replace("b".to_string()), "a");
        assert_eq!(VALUE.take(), "b");
        assert_eq!(VALUE.replace("c".to_string()), "initial");
        VALUE.with_mut(|value| value.push('d'));
        assert_eq!(VALUE.with(|value| value.len()), 2);
        assert_eq!(VALUE.take(), "cd");
        assert_eq!(VALUE.take(), "initial");
        assert_eq!(MADE.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn a_lent_value_is_neither_set_nor_taken() {
    routine_local!(static VALUE: Vec<u32> = vec![1]);
    run(|| {
        VALUE.with(|outer| {
            VALUE.with(|inner| assert!(std::ptr::eq(outer, inner)));
            let text = panics(|| VALUE.set(vec![2]));
            assert!(text.contains("Vec<u32>") && text.contains("set"), "{text}");
            panics(|| drop(VALUE.take()));
            panics(|| drop(VALUE.replace(vec![2])));
            panics(|| VALUE.with_mut(Vec::clear));
            assert_eq!(outer, &[1]);
        });
        VALUE.with_mut(|value| {
            panics(|| VALUE.with(|_| ()));
            panics(|| VALUE.set(vec![3]));
            panics(|| VALUE.with_mut(Vec::clear));
            value.push(2);
        });
        // A borrow ends also by unwinding.
        panics(|| VALUE.with(|_| panic!("in with")));
        panics(|| VALUE.with_mut(|_| panic!("in with_mut")));
        VALUE.set(vec![7]);
        assert_eq!(VALUE.take(), [7]);
    });
}

#[test]
fn a_value_stays_where_it_is_while_others_come() {
    macro_rules! keys {
        ($($name:ident)*) => {
            routine_local!($(static $name: u64 = 1;)*);
            fn sum() -> u64 {
                0 $(+ $name.get())*
            }
        };
    }
    keys!(A B C D E F G H I J K L M N O P Q R S T U V W X Y Z);
    routine_local!(static HELD: RefCell<Vec<u64>> = RefCell::default());
    run(|| {
        HELD.with(|held| {
            let before = std::ptr::from_ref(held);
            held.borrow_mut().push(sum());
            routine::yield_now();
            assert_eq!(*held.borrow(), [26]);
            HELD.with(|again| assert_eq!(std::ptr::from_ref(again), before));
        });
    });
}

#[test]
fn others_of_the_same_home_use_it_while_it_is_lent() {
    routine_local!(static VALUE: u32 = 0);
    let runtime = workers(1);
    runtime.run(|| {
        VALUE.with(|value| {
            let other = routine::spawn(|| {
                VALUE.set(5);
                VALUE.with_mut(|value| *value += 1);
                VALUE.take()
            });
            assert_eq!(other.join().unwrap(), 6);
            assert_eq!(*value, 0);
        });
    });
}

#[test]
fn a_routine_on_a_deep_stack_is_the_same_routine() {
    routine_local!(static VALUE: u32 = 0);
    run(|| {
        VALUE.set(3);
        let seen = routine::with_stack(1 << 20, || VALUE.replace(4));
        assert_eq!((seen, VALUE.get()), (3, 4));
    });
}

#[test]
fn threads_have_values_of_their_own() {
    routine_local!(static VALUE: Rc<Cell<u32>> = Rc::default());
    VALUE.with(|value| value.set(1));
    let other = thread::spawn(|| {
        let before = VALUE.with(|value| value.get());
        VALUE.with(|value| value.set(9));
        before
    });
    assert_eq!(other.join().unwrap(), 0);
    assert_eq!(run(|| VALUE.with(|value| value.get())), 0);
    assert_eq!(VALUE.with(|value| value.get()), 1);
}

/// What is declared: names, visibilities, attributes, with and without the last semicolon.
mod declared {
    use rust_routines::routine_local;

    routine_local! {
        /// Text.
        pub(super) static ONE: u8 = 1;
        #[cfg(not(any()))]
        #[inherit]
        /// Text.
        pub static TWO: Vec<u8> = const { Vec::new() };
        static THREE: u8 = const { 1 + 1 } + 1
    }
    routine_local!();

    pub(super) fn three() -> u8 {
        THREE.get()
    }
}

#[test]
fn declarations() {
    assert_eq!((declared::ONE.get(), declared::three()), (1, 3));
    declared::TWO.with_mut(|two| two.push(2));
    let child = routine::spawn(|| declared::TWO.take());
    assert_eq!(child.join().unwrap(), [2]);
}

#[test]
fn a_value_for_one_call() {
    routine_local!(static NAME: &str = panic!("nobody has a name"));
    run(|| {
        let inner = NAME.with_value("ann", || NAME.with_value("bob", || NAME.get()));
        assert_eq!(inner, "bob");
        assert!(
            panics(|| {
                NAME.get();
            })
            .is_empty(),
            "there was none before"
        );
        NAME.set("eve");
        panics(|| NAME.with_value("ann", || panic!("{}", NAME.get())));
        assert_eq!(NAME.get(), "eve");
        NAME.with_value("ann", || {
            NAME.take();
        });
        assert_eq!(NAME.get(), "eve", "whatever was done meanwhile");
        assert!(panics(|| NAME.with(|_| NAME.with_value("ann", || ()))).contains("cannot be set"));
    });
}
