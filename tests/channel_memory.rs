//! What channels allocate, counted: a binary of its own, whose allocator counts, and whose one test is
//! alone in its process - what other tests allocate would be counted too.
#![forbid(unsafe_code)]

use rust_routines::channel::{self, Receiver, Sender};
use rust_routines::routine;
use rust_routines::runtime::Runtime;
use rust_routines::select;
use rust_routines::time::Duration;
use rust_routines_tests::allocations::{COUNTING, Counting, allocations, in_use};
use rust_routines_tests::{eventually, watched};

#[global_allocator]
static ALLOCATOR: Counting = COUNTING;

#[test]
fn channels_allocate_what_they_have_to_and_give_it_back() {
    watched(|| {
        a_burst_goes_back(1_000_000);
        a_burst_goes_back(1_000_000);
        a_queue_that_moves_on_stays_small();
        without_a_wait_nothing_is_allocated();
        let runtime = rust_routines_tests::workers(1);
        a_parked_send_and_receive_allocate_nothing(&runtime);
        a_parked_select_allocates_nothing(&runtime);
        a_parked_thread_allocates_nothing(&runtime);
    });
}

/// A million values in an unbounded channel, and out of it: what is left is within 64 KiB of before.
fn a_burst_goes_back(values: u64) {
    let (sender, receiver) = channel::unbounded();
    sender.send(0).unwrap();
    receiver.recv().unwrap();
    let before = in_use();
    (0..values).for_each(|i| sender.send(i).unwrap());
    let full = in_use() - before;
    let payload = values as usize * size_of::<u64>();
    assert!(
        (payload..payload * 5 / 4).contains(&full),
        "{full} bytes for {payload}"
    );
    assert!((0..values).all(|i| receiver.recv() == Ok(i)));
    let left = in_use().saturating_sub(before);
    assert!(left <= 64 << 10, "{left} bytes are left");
    // Closed and dropped while full: all of it goes back.
    (0..values).for_each(|i| sender.send(i).unwrap());
    drop((sender, receiver));
    let left = in_use().saturating_sub(before);
    assert!(
        left <= 64 << 10,
        "{left} bytes are left of a channel that is gone"
    );
}

/// An unbounded channel through which much goes while little is in it.
fn a_queue_that_moves_on_stays_small() {
    let (sender, receiver) = channel::unbounded();
    (0..100_u64).for_each(|i| sender.send(i).unwrap());
    let rounds = || {
        for i in 0..100_000 {
            sender.send(i).unwrap();
            receiver.recv().unwrap();
        }
    };
    rounds();
    let before = in_use();
    assert_eq!(allocations(rounds), 0, "its blocks go round");
    assert!(in_use() <= before + (8 << 10));
}

fn without_a_wait_nothing_is_allocated() {
    let (sender, receiver) = channel::bounded(10);
    let never = channel::never::<u64>();
    let mut slot = None;
    let counted = allocations(|| {
        for i in 0..1000 {
            sender.send(i).unwrap();
            receiver.recv().unwrap();
            sender.try_send(i).unwrap();
            receiver.recv_timeout(Duration::from_secs(1)).unwrap();
            assert!(receiver.try_recv().is_err());
            select! { sent = sender.send(i) => sent.unwrap(), _ = never.recv() => {} }
            select! { value = receiver.recv() => assert_eq!(value, Ok(i)), never.recv() => {} }
            slot = Some(i);
            select! { sent = sender.send_from(&mut slot) => sent.unwrap(), never.recv() => {} }
            select! { _ = receiver.recv() => {}, default => {} }
            select! { _ = receiver.recv() => {}, default => {} }
        }
    });
    assert_eq!(counted, 0);
}

/// Two routines of one worker hand values over; each call of one of them finds the other parked.
fn handed_over(
    runtime: &Runtime,
    send: impl Fn(&Sender<u64>, u64) -> bool + Send + 'static,
    receive: impl Fn(&Receiver<u64>) -> Option<u64> + Send + 'static,
) -> usize {
    runtime.run(move || {
        let (sender, receiver) = channel::bounded(0);
        let sends = routine::spawn(move || (0..).take_while(|&i| send(&sender, i)).count());
        let mut next = 0;
        let mut thousand = || {
            for _ in 0..1000 {
                assert_eq!(receive(&receiver), Some(next));
                next += 1;
            }
        };
        // Until all that grows has grown.
        thousand();
        let counted = allocations(thousand);
        drop(receiver);
        assert_eq!(sends.join().unwrap(), 6000);
        counted
    })
}

fn a_parked_send_and_receive_allocate_nothing(runtime: &Runtime) {
    let counted = handed_over(
        runtime,
        |sender, i| sender.send(i).is_ok(),
        |receiver| receiver.recv().ok(),
    );
    assert_eq!(counted, 0);
    let minute = Duration::from_secs(60);
    let counted = handed_over(
        runtime,
        move |sender, i| sender.send_timeout(i, minute).is_ok(),
        move |receiver| receiver.recv_timeout(minute).ok(),
    );
    assert_eq!(counted, 0);
}

fn a_parked_select_allocates_nothing(runtime: &Runtime) {
    let never = channel::never::<u64>();
    let also = never.clone();
    let counted = handed_over(
        runtime,
        move |sender, i| select! { sent = sender.send(i) => sent.is_ok(), also.recv() => false },
        move |receiver| select! { value = receiver.recv() => value.ok(), never.recv() => None },
    );
    assert_eq!(counted, 0);
}

/// A plain thread that blocks, and a routine that wakes it.
fn a_parked_thread_allocates_nothing(runtime: &Runtime) {
    let (sender, receiver) = channel::bounded(0);
    let sends = runtime.spawn(move || (0..).take_while(|&i| sender.send(i).is_ok()).count());
    let mut next = 0_u64;
    let mut receive = || {
        (0..1000).for_each(|_| {
            assert_eq!(receiver.recv(), Ok(next));
            next += 1;
        });
    };
    receive();
    assert_eq!(allocations(receive), 0);
    drop(receiver);
    eventually("the sender has ended", || sends.is_finished());
}
