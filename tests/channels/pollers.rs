//! Threads with a loop of their own that poll a channel, say that they will sleep, and poll once more.

use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use rust_routines::channel::{self, Receiver};
use rust_routines::select;
use rust_routines_tests::wait::spin_until;
use rust_routines_tests::watched;

const MESSAGES: u64 = 50_000;

/// A look that finds nothing is as good as one under a lock: either it finds the message, or the
/// sender, which looks at the flag after it has sent, finds the sleeper.
fn nothing_is_slept_over(poll: fn(&Receiver<u64>) -> Option<u64>) {
    let (sender, receiver) = channel::bounded(4);
    let sleeping = Arc::new(AtomicBool::new(false));
    let got = Arc::new(AtomicU64::new(0));
    let (asleep, seen) = (sleeping.clone(), got.clone());
    let consumer = thread::spawn(move || {
        while seen.load(Ordering::SeqCst) < MESSAGES {
            let mut next = poll(&receiver);
            if next.is_none() {
                (0..seen.load(Ordering::SeqCst) % 61).for_each(|_| hint::spin_loop());
                asleep.store(true, Ordering::SeqCst);
                next = poll(&receiver);
                while next.is_none() && asleep.load(Ordering::SeqCst) {
                    thread::park();
                }
                asleep.store(false, Ordering::SeqCst);
            }
            if let Some(value) = next {
                seen.store(value, Ordering::SeqCst);
            }
        }
    });
    for i in 1..=MESSAGES {
        sender.send(i).unwrap();
        // Not a swap, which would wait for what the send has stored.
        if sleeping.load(Ordering::SeqCst) {
            sleeping.store(false, Ordering::SeqCst);
            consumer.thread().unpark();
        }
        spin_until("the consumer has it", || got.load(Ordering::SeqCst) == i);
        (0..i % 67).for_each(|_| hint::spin_loop());
    }
    consumer.join().unwrap();
}

#[test]
fn try_recv_finds_what_was_sent() {
    watched(|| nothing_is_slept_over(|receiver| receiver.try_recv().ok()));
}

#[test]
fn select_with_default_finds_what_was_sent() {
    watched(|| {
        nothing_is_slept_over(|receiver| {
            select! { value = receiver.recv() => value.ok(), default => None }
        });
    });
}
