//! What adapters swap when a routine leaves its thread and comes back: `on_switch`.

use std::any::Any;
use std::sync::OnceLock;

use parking_lot::Mutex;

use super::forbid;
use crate::prim::{AtomicBool, Ordering};
use crate::sys::unwind::{Bomb, contain};

type Save = Box<dyn Fn() -> Box<dyn Any> + Send + Sync>;
type Restore = Box<dyn Fn(Box<dyn Any>) + Send + Sync>;

pub(super) struct Hook {
    save: Save,
    restore: Restore,
}

/// Values that belong to a suspended routine; kept on its stack.
pub(super) type Kept = Vec<(&'static Hook, Box<dyn Any>)>;

static ANY: AtomicBool = AtomicBool::new(false);

fn hooks() -> &'static Mutex<Vec<&'static Hook>> {
    static HOOKS: OnceLock<Mutex<Vec<&'static Hook>>> = OnceLock::new();
    HOOKS.get_or_init(Mutex::default)
}

/// Lets a thread-local travel with the routine that set it.
///
/// From now on `save` runs whenever a routine is about to leave its thread to others, and
/// `restore` gets what it returned when the routine goes on. `save` must leave the thread-local as a
/// new routine should find it. For adapters of libraries that keep a current something per thread
/// (a span, a transaction, a locale); registered once, for the process's life.
///
/// **Blocks**: never. Both functions run with parking forbidden.
///
/// # Panics
/// Does not panic itself. A panic in `save` or `restore`, or a park in one of them, ends the process:
/// they run when the routine is already queued where it waits, and to unwind from there would leave
/// its wake-ups without a receiver.
///
/// # Go
/// No counterpart: Go has no thread-locals.
///
/// # Examples
/// ```
/// use rust_routines::routine;
/// use std::cell::Cell;
///
/// thread_local!(static CURRENT: Cell<u32> = const { Cell::new(0) });
/// routine::on_switch(|| CURRENT.take(), |was| CURRENT.set(was));
///
/// rust_routines::run(|| {
///     CURRENT.set(1);
///     let other = routine::spawn(|| CURRENT.get());
///     assert_eq!(other.join().unwrap(), 0);
///     assert_eq!(CURRENT.get(), 1);
/// });
/// ```
pub fn on_switch<S: 'static>(save: fn() -> S, restore: fn(S)) {
    let hook = Box::leak(Box::new(Hook {
        save: Box::new(move || Box::new(save())),
        restore: Box::new(move |kept| {
            if let Ok(kept) = kept.downcast::<S>() {
                restore(*kept);
            }
        }),
    }));
    hooks().lock().push(hook);
    ANY.store(true, Ordering::Relaxed);
}

const BOMB: Bomb = Bomb("a hook of `on_switch` panicked, which it must not");

#[inline]
pub(super) fn save() -> Option<Kept> {
    if ANY.load(Ordering::Relaxed) {
        Some(save_slow())
    } else {
        None
    }
}

#[cold]
fn save_slow() -> Kept {
    let bomb = BOMB;
    let hooks = hooks().lock().clone();
    let mut kept = Vec::with_capacity(hooks.len());
    forbid::around(|| kept.extend(hooks.into_iter().map(|hook| (hook, (hook.save)()))));
    bomb.defuse();
    kept
}

#[inline]
pub(super) fn restore(kept: Option<Kept>) {
    if let Some(kept) = kept {
        restore_slow(kept);
    }
}

#[cold]
fn restore_slow(kept: Kept) {
    let bomb = BOMB;
    forbid::around(|| {
        for (hook, kept) in kept.into_iter().rev() {
            (hook.restore)(kept);
        }
    });
    bomb.defuse();
}

/// The routine that runs here is about to end: its thread-locals are swapped out for good, and guards
/// that it has leaked are forgotten. While it still counts as running: the hooks are user code.
#[inline]
pub(crate) fn discard() {
    if let Some(kept) = save() {
        forbid::around(|| contain(|| drop(kept)));
    }
    forbid::reset();
}
