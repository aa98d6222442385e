//! What would end the process if it went wrong: panics on small stacks, waits at a thread's end.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{process, thread};

use rust_routines::channel::{self, Receiver, Sender};
use rust_routines::routine::Builder;
use rust_routines::routine_local;
use rust_routines::runtime::Runtime;
use rust_routines::time::Duration;

fn one_worker() -> Runtime {
    let builder = rust_routines_tests::pinned(1);
    builder.build().expect("one worker")
}

/// A test whose second run panics, as the attribute would run it.
pub(crate) fn test_that_panics() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    rust_routines::__private::test_on(Some(&[1, 3]), None, || {
        assert!(RUNS.fetch_add(1, Ordering::Relaxed) < 1, "the second run");
    });
}

/// Panics with the backtrace that the second argument asks for.
pub(crate) fn panic_on_small_stack() {
    let style = std::env::args().nth(2).unwrap_or_default();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        before(info);
        // As the default hook does it, but asked for by an argument: a child's environment is cleared.
        if style != "0" {
            let trace = std::backtrace::Backtrace::force_capture();
            match style.as_str() {
                "full" => eprintln!("stack backtrace:\n{trace:#}"),
                _ => eprintln!("stack backtrace:\n{trace}"),
            }
        }
    }));
    let runtime = one_worker();
    let builder = Builder::new().stack_size(16 << 10);
    let small = runtime.spawn_with(builder, || panic!("on a small stack"));
    let small: Result<(), _> = small.expect("a stack of 16 KiB").join();
    println!("small={}", small.expect_err("it panics"));
    let default = runtime.spawn(|| panic!("on a default stack")).join();
    let default: Result<(), _> = default;
    println!("default={}", default.expect_err("it panics"));
}

/// Says so when it is dropped.
struct Says(&'static str);

impl Drop for Says {
    fn drop(&mut self) {
        println!("{}=dropped", self.0);
    }
}

/// Ends the process while a local value is lent, and another one is not.
pub(crate) fn exit_in_with() {
    routine_local! {
        static OTHER: Says = Says("other");
        static LENT: Says = Says("lent");
    }
    OTHER.with(|_| ());
    LENT.with(|_| process::exit(0));
}

/// Waits for what nobody sends when its thread ends.
struct Receives {
    name: &'static str,
    receiver: Receiver<u32>,
    _sender: Sender<u32>,
}

impl Drop for Receives {
    fn drop(&mut self) {
        let received = self.receiver.recv_timeout(Duration::from_millis(1));
        println!("{}={received:?}", self.name);
    }
}

thread_local! {
    static AT_EXIT: RefCell<Option<Receives>> = const { RefCell::new(None) };
}

/// Registered first, so destroyed last: whatever the runtime keeps in thread-locals is gone then.
fn receive_at_exit(name: &'static str) {
    let (sender, receiver) = channel::bounded(0);
    AT_EXIT.set(Some(Receives {
        name,
        receiver,
        _sender: sender,
    }));
    let (_sender, receiver) = channel::bounded::<()>(0);
    assert!(receiver.recv_timeout(Duration::from_millis(1)).is_err());
}

pub(crate) fn block_at_thread_exit() {
    let exiting = thread::spawn(|| receive_at_exit("thread"));
    exiting.join().expect("it only waits");
    let runtime = one_worker();
    runtime.run(|| receive_at_exit("worker"));
    drop(runtime);
}
