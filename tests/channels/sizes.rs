//! Large messages: they are moved by value, several times on the stack of who sends or receives.

use rust_routines::channel::{self, Receiver, Sender};
use rust_routines::routine::{Builder, JoinHandle};
use rust_routines::runtime::Runtime;
use rust_routines::select;
use rust_routines_tests::watched;

use super::workers;

/// A message that works on a routine's default stack, whatever is done with it, in debug builds (stacks
/// of 1 MiB, many copies) and in release builds (192 KiB, of which four copies at worst use all).
const ON_DEFAULT: usize = 48 << 10;

const LARGE: usize = 200 << 10;

const MESSAGES: u8 = 5;

fn send<const N: usize>(sender: &Sender<[u8; N]>) {
    (0..MESSAGES).for_each(|i| assert!(sender.send([i; N]).is_ok()));
}

fn receive<const N: usize>(receiver: &Receiver<[u8; N]>) {
    (0..MESSAGES).for_each(|i| check(&receiver.recv().unwrap(), i));
}

fn send_in_select<const N: usize>(sender: &Sender<[u8; N]>) {
    let never = channel::never::<()>();
    for i in 0..MESSAGES {
        select! { sent = sender.send([i; N]) => assert!(sent.is_ok()), never.recv() => {} }
    }
}

fn receive_in_select<const N: usize>(receiver: &Receiver<[u8; N]>) {
    let never = channel::never::<()>();
    for i in 0..MESSAGES {
        select! { value = receiver.recv() => check(&value.unwrap(), i), never.recv() => {} }
    }
}

fn check<const N: usize>(value: &[u8; N], byte: u8) {
    assert!(value.iter().all(|&b| b == byte));
}

/// Each way to send with each way to receive, on routines with stacks of `stack` bytes.
fn all_ways<const N: usize>(runtime: &Runtime, stack: Option<usize>) {
    let spawn = |body: Box<dyn FnOnce() + Send>| -> JoinHandle<()> {
        let builder = stack.map_or_else(Builder::new, |bytes| Builder::new().stack_size(bytes));
        runtime.spawn_with(builder, body).unwrap()
    };
    for capacity in [Some(0), Some(2), None] {
        for way in 0..4 {
            let (sender, receiver) = match capacity {
                Some(capacity) => channel::bounded::<[u8; N]>(capacity),
                None => channel::unbounded(),
            };
            let sends = match way % 2 {
                0 => spawn(Box::new(move || send(&sender))),
                _ => spawn(Box::new(move || send_in_select(&sender))),
            };
            let receives = match way / 2 {
                0 => spawn(Box::new(move || receive(&receiver))),
                _ => spawn(Box::new(move || receive_in_select(&receiver))),
            };
            sends.join().unwrap();
            receives.join().unwrap();
        }
    }
}

#[test]
fn messages_of_48_kib_work_on_default_stacks() {
    watched(|| {
        for workers_of in [1, 2] {
            all_ways::<ON_DEFAULT>(&workers(workers_of), None);
        }
    });
}

#[test]
fn messages_of_200_kib_work_on_stacks_that_hold_them() {
    watched(|| all_ways::<LARGE>(&workers(2), Some(16 << 20)));
}

/// In a box a message is as small as any.
#[test]
fn boxed_messages_ask_for_nothing() {
    watched(|| {
        let (sender, receiver) = channel::bounded(1);
        let sends = workers(1).run(|| {
            let body = move || sender.send(vec![7_u8; 10 << 20].into_boxed_slice()).is_ok();
            rust_routines::routine::spawn(body).join().unwrap()
        });
        assert!(sends);
        assert_eq!(receiver.recv().unwrap().len(), 10 << 20);
    });
}
