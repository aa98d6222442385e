//! A probable self-deadlock, with both sides: who waits in the kernel, and who might have to end that wait but lives
//! at the same worker.
//!
//! No stand-in can help: a started routine runs at its home only. So it is said, with what there is to see from
//! outside: nothing is recorded for it while the program is well. The worker may go on at any moment, and then
//! what was read of its routines may be of others. So everything is read first, by loads that may race and copies that
//! the kernel makes; then comes a look whether the worker has resumed anybody since, and only what passes that
//! is believed: only the home changes its routines, and it was in one of them all the time.

use std::fmt::Write;
use std::ops::Range;
use std::ptr::NonNull;

use super::super::shared::Shared;
use super::super::stall::{Stall, plural};
use super::super::worker::Worker;
use crate::control::Body;
use crate::control::Peek;
use crate::prim::{Ordering, fence};
use crate::sys::{symbols, thread};

/// Home-mates that are shown.
const MATES: usize = 8;
/// Frames that are shown of each.
const FRAMES: usize = 6;
const FRAMES_OF_STUCK: usize = 12;

const ADVICE: &str = "  It waits in the kernel for something that perhaps only a routine of the same worker can do, and none of\n  \
    them can run meanwhile. The `sync` types of rust-routines have the names of std's and park the routine instead;\n  \
    a routine placed with Place::Own blocks nobody else. Stacks are guessed from what looks like return addresses.\n";

/// The lines below the first one; `switches`: what the worker had resumed when the stall was seen.
pub(super) fn details(shared: &Shared, worker: &Worker, stall: &Stall, switches: u64) -> String {
    let is_still = || {
        // ORDER: what was read before this look is not read after it.
        fence(Ordering::Acquire);
        worker.stats.switches.get() == switches
    };
    let code = thread::code_ranges();
    let stuck = stuck_at(worker, &code);
    let mates = mates(shared, worker, &code);
    let mut text = String::from(ADVICE);
    if !is_still() {
        text.push_str("  It goes on now.\n");
        return text;
    }
    // Writing to a string does not fail.
    let _ = writeln!(text, "  routine {} stands in", stall.routine);
    write_frames(&mut text, &stuck, FRAMES_OF_STUCK, |_| true);
    for (mate, addresses) in &mates {
        let names = worker.names.lock();
        let name = names.get(&mate.id).map(|name| format!(" \"{name}\""));
        drop(names);
        // SAFETY: the worker was in one slice all the time, so this was read of a live body.
        let site = unsafe { mate.site() };
        let _ = writeln!(
            text,
            "  routine {}{} [{}], spawned at {site}, is parked in",
            mate.id,
            name.unwrap_or_default(),
            mate.reason.word(),
        );
        write_frames(&mut text, addresses, FRAMES, is_users);
    }
    let more = stall.stranded.saturating_sub(mates.len());
    if more > 0 {
        let _ = writeln!(text, "  and {more} more routine{}", plural(more));
    }
    text
}

/// Return addresses of the routine that the worker is stuck in.
fn stuck_at(worker: &Worker, code: &[Range<usize>]) -> Vec<usize> {
    let Some(stance) = thread::doing(worker.thread()).1 else {
        return Vec::new();
    };
    let body = worker.stats.current.load(Ordering::Relaxed).addr();
    let mut addresses = vec![stance.code];
    addresses.extend(symbols::scan(below(stance.stack, body), code));
    addresses
}

/// From `low` to the body at the end of the stack; on another stack than its own, as far as that goes.
fn below(low: usize, body: usize) -> Range<usize> {
    match body.checked_sub(low) {
        Some(_) => low..body,
        None => low..usize::MAX,
    }
}

/// Some of those that are parked there, with their return addresses.
fn mates(shared: &Shared, worker: &Worker, code: &[Range<usize>]) -> Vec<(Peek, Vec<usize>)> {
    let current = worker.stats.current.load(Ordering::Relaxed);
    // Held: no stack is unmapped.
    shared.depot.hold(|| {
        let others = worker.slots.iter().filter(|body| body.as_ptr() != current);
        others
            // SAFETY: memory of stacks that were in use a moment ago, and is mapped as long as the depot is held.
            .filter_map(|body: NonNull<Body>| Some((body, unsafe { Body::peek_parked(body) }?)))
            .take(MATES)
            .map(|(body, mate)| {
                let addresses = symbols::scan(below(mate.low, body.addr().get()), code);
                (mate, addresses)
            })
            .collect()
    })
}

/// Whether a function is the runtime's.
fn is_ours(function: &str) -> bool {
    starts_with_any(
        function,
        &["rust_routines::", "corosensei::", "stack_init_"],
    )
}

/// Whether a function is neither the runtime's nor of the standard library.
fn is_users(function: &str) -> bool {
    !is_ours(function) && !starts_with_any(function, &["core::", "std::", "alloc::", "rust_try"])
}

fn starts_with_any(function: &str, prefixes: &[&str]) -> bool {
    let name = function.trim_start_matches(['<', '&', '_']);
    prefixes.iter().any(|prefix| name.starts_with(prefix))
}

/// Up to the root of the routine's stack, which a short body is inlined into; of functions of ours only what is
/// the user's in them.
fn write_frames(text: &mut String, addresses: &[usize], most: usize, is_shown: fn(&str) -> bool) {
    let addresses = addresses.iter().enumerate();
    // A return address stands behind the call.
    let frames = addresses.map(|(at, address)| symbols::frames(address - usize::from(at > 0)));
    let outer_is = |frames: &[symbols::Frame], test: &dyn Fn(&str) -> bool| {
        frames.last().is_some_and(|outer| test(&outer.function))
    };
    let is_root = |name: &str| starts_with_any(name, &["rust_routines::spawn::cell::"]);
    let mut is_over = false;
    let frames = frames
        .take_while(|frames| !std::mem::replace(&mut is_over, outer_is(frames, &is_root)))
        .flat_map(|frames| {
            let is_inlined = outer_is(&frames, &is_ours);
            let is_kept = move |frame: &symbols::Frame| !is_inlined || is_users(&frame.function);
            frames.into_iter().filter(is_kept)
        });
    let mut shown = 0;
    for frame in frames.filter(|frame| is_shown(&frame.function)).take(most) {
        shown += 1;
        let _ = match frame.place {
            Some((file, line)) => writeln!(text, "    {} at {file}:{line}", frame.function),
            None => writeln!(text, "    {}", frame.function),
        };
    }
    if shown == 0 {
        text.push_str("    (nothing that has a name)\n");
    }
}
