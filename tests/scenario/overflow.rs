//! Stacks that overflow, and faults that are somebody else's.
//!
//! Each says on stdout what the report has to name: `file=` and `line=` of the spawn, `id=`.

use std::fs::OpenOptions;
use std::hint::black_box;
use std::io::{Seek, SeekFrom, Write};
use std::thread;

use rust_routines::routine::{self, Builder, Place};
use rust_routines::runtime::{self, Fatal, Runtime};

fn one_worker(builder: runtime::Builder) -> Runtime {
    builder.workers(1).build().expect("one worker")
}

/// Recurses for ever; says where it starts.
#[inline(never)]
fn overflow() {
    #[inline(never)]
    fn deeper(n: u64) -> u64 {
        let frame = black_box([n; 32]);
        // The condition never holds, which the compiler does not know.
        if black_box(n) == u64::MAX {
            return 0;
        }
        deeper(n + 1) + frame[(n % 32) as usize]
    }
    if let Some(me) = routine::current() {
        println!("id={}", me.id());
    }
    println!("sum={}", deeper(0));
}

pub(crate) fn of_a_routine() {
    let runtime = one_worker(runtime::Builder::new());
    println!("file={}", file!());
    println!("line={}", line!() + 1);
    drop(runtime.spawn(overflow).join());
}

pub(crate) fn of_a_named_routine() {
    let runtime = one_worker(runtime::Builder::new());
    let builder = Builder::new().name("the deep one").stack_size(1 << 20);
    println!("file={}", file!());
    println!("line={}", line!() + 1);
    let handle = runtime.spawn_with(builder, overflow);
    drop(handle.expect("a stack of 1 MiB").join());
}

/// On a worker's thread of its own, of a second runtime.
pub(crate) fn of_an_own_worker() {
    let first = one_worker(runtime::Builder::new());
    let second = one_worker(runtime::Builder::new());
    assert_eq!(first.run(|| second.run(|| 7)), 7);
    let builder = Builder::new().name("alone").place(Place::Own);
    println!("file={}", file!());
    println!("line={}", line!() + 1);
    let handle = second.spawn_with(builder, overflow);
    drop(handle.expect("a thread").join());
}

pub(crate) fn of_with_stack() {
    let runtime = one_worker(runtime::Builder::new());
    println!("file={}", file!());
    println!("line={}", line!() + 1);
    let handle = runtime.spawn(|| routine::with_stack(1 << 20, overflow));
    drop(handle.join());
}

/// After the deeper stack has been left, the routine's own is the one that counts.
pub(crate) fn after_with_stack() {
    let runtime = one_worker(runtime::Builder::new());
    println!("file={}", file!());
    println!("line={}", line!() + 1);
    let handle = runtime.spawn(|| {
        routine::with_stack(1 << 20, routine::yield_now);
        overflow();
    });
    drop(handle.join());
}

pub(crate) fn of_run() {
    println!("file={}", file!());
    println!("line={}", line!() + 1);
    rust_routines::run(overflow);
}

pub(crate) fn with_a_hook() {
    fn end(fatal: &Fatal<'_>) {
        // Enough for a test; a real hook writes and ends without taking locks.
        println!("routine={}", fatal.routine());
        println!("name={}", fatal.name().unwrap_or_default());
        println!("spawned_at={}", fatal.spawned_at());
        println!("stack_bytes={}", fatal.stack_bytes());
        std::process::exit(2);
    }
    let runtime = one_worker(runtime::Builder::new().fatal(end));
    println!("file={}", file!());
    println!("line={}", line!() + 1);
    let handle = runtime.spawn_with(Builder::new().name("hooked"), overflow);
    drop(handle.expect("a routine").join());
}

/// A hook that returns: the process is aborted all the same.
pub(crate) fn with_a_hook_that_returns() {
    let runtime = one_worker(runtime::Builder::new().fatal(|_| println!("hook=called")));
    drop(runtime.spawn(overflow).join());
}

/// Beside a runtime, whose handler must leave this to std's.
pub(crate) fn of_a_thread() {
    let runtime = one_worker(runtime::Builder::new());
    assert_eq!(runtime.run(|| 7), 7);
    let thread = thread::Builder::new().name("plain thread".to_string());
    let thread = thread.spawn(overflow).expect("a thread");
    drop(thread.join());
}

/// The thread that `main` runs on, likewise.
pub(crate) fn of_main() {
    let runtime = one_worker(runtime::Builder::new());
    assert_eq!(runtime.run(|| 7), 7);
    overflow();
}

/// In a routine, at an address that no stack has anything to do with.
pub(crate) fn segfault_in_a_routine() {
    let runtime = one_worker(runtime::Builder::new());
    println!("{:?}", runtime.spawn(segfault).join());
}

pub(crate) fn segfault_in_a_thread() {
    let runtime = one_worker(runtime::Builder::new());
    assert_eq!(runtime.run(|| 7), 7);
    println!("{:?}", thread::spawn(segfault).join());
}

/// Reads through a pointer that has been overwritten, from outside of the language: the kernel
/// lets a process write to its own memory as to a file.
fn segfault() -> u8 {
    let target = Box::new(1_u8);
    let reference: Box<&u8> = Box::new(&target);
    let address = std::ptr::from_ref::<&u8>(&reference).addr();
    let mut memory = OpenOptions::new()
        .write(true)
        .open("/proc/self/mem")
        .expect("Linux has /proc/self/mem");
    let position = u64::try_from(address).expect("an address of user space");
    memory
        .seek(SeekFrom::Start(position))
        .expect("any position is allowed");
    println!("going=down");
    memory
        .write_all(&0x40_usize.to_ne_bytes())
        .expect("its own memory may be written");
    ***black_box(&reference)
}
