//! Hooks that misbehave. They run when the routine is queued already where it waits, so there is no
//! way out for a panic but the end of the process.

use std::sync::atomic::{AtomicU64, Ordering};

use rust_routines::channel;
use rust_routines::routine;
use rust_routines::time::Duration;

/// The number of the routine at whose next switch the hooks misbehave, once.
static VICTIM: AtomicU64 = AtomicU64::new(0);

fn is_armed() -> bool {
    let me = routine::current().expect("hooks run in the routine that switches");
    let taken = VICTIM.compare_exchange(me.id().as_u64(), 0, Ordering::SeqCst, Ordering::SeqCst);
    taken.is_ok()
}

pub(crate) fn parking() {
    routine::on_switch(
        || {
            if is_armed() {
                routine::sleep(Duration::from_millis(1));
            }
        },
        |()| (),
    );
    switch();
}

pub(crate) fn panicking_in_save() {
    routine::on_switch(|| assert!(!is_armed(), "no save"), |()| ());
    switch();
}

pub(crate) fn panicking_in_restore() {
    routine::on_switch(|| (), |()| assert!(!is_armed(), "no restore"));
    switch();
}

/// Switches in the way that the second argument names, with the hooks armed.
fn switch() {
    let way = std::env::args().nth(2).unwrap_or_default();
    let runtime = rust_routines_tests::pinned(1).build().expect("one worker");
    let ended = runtime.spawn(move || {
        let me = routine::current().expect("a routine");
        VICTIM.store(me.id().as_u64(), Ordering::SeqCst);
        match way.as_str() {
            "yield" => routine::yield_now(),
            "recv" => {
                let (sender, receiver) = channel::bounded::<u64>(0);
                // Sends into the slot of the waiter.
                routine::spawn(move || sender.send(7));
                assert_eq!(receiver.recv_timeout(Duration::from_secs(60)), Ok(7));
            }
            _ => panic!("no way to switch is called {way:?}"),
        }
    });
    println!("joined={:?}", ended.join());
}
