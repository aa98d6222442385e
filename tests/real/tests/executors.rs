//! A routine's handle as a future, in the executors that people use, and blocking calls beside them.
#![forbid(unsafe_code)]

use std::time::Duration;

use futures::future::{self, Either};
use rust_routines::routine::{self, JoinError, JoinHandle};
use rust_routines::{channel, runtime};

/// Routines that end only when told, so that whoever awaits them has to be woken.
fn gated(n: usize) -> (channel::Sender<()>, Vec<JoinHandle<usize>>) {
    let (open, gate) = channel::bounded::<()>(0);
    let handles = (0..n)
        .map(|i| {
            let gate = gate.clone();
            routine::spawn(move || {
                assert!(
                    gate.recv().is_err(),
                    "the gate opens by the drop of its sender"
                );
                i
            })
        })
        .collect();
    (open, handles)
}

async fn all(n: usize) -> usize {
    let (open, handles) = gated(n);
    let opener = routine::spawn(move || drop(open));
    let mut sum = 0;
    for handle in handles {
        sum += handle.await.expect("it returns");
    }
    opener.await.expect("it returns");
    sum
}

#[test]
fn tokio_tasks_await_routines() {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .enable_time()
        .build()
        .unwrap();
    let sums = tokio.block_on(async {
        let tasks: Vec<_> = (0..8).map(|_| tokio::spawn(all(100))).collect();
        let mut sums = Vec::new();
        for task in tasks {
            sums.push(task.await.unwrap());
        }
        sums
    });
    assert_eq!(sums, [4950; 8]);
}

#[test]
fn async_std_tasks_await_routines() {
    let sum = async_std::task::block_on(async_std::task::spawn(all(100)));
    assert_eq!(sum, 4950);
}

#[test]
fn the_futures_crate_awaits_routines() {
    assert_eq!(futures::executor::block_on(all(100)), 4950);
}

#[test]
fn a_handle_that_loses_a_select_can_still_be_joined() {
    let (open, mut handles) = gated(1);
    let slow = handles.pop().unwrap();
    let slow = match futures::executor::block_on(future::select(slow, future::ready(()))) {
        Either::Right(((), slow)) => slow,
        Either::Left(_) => panic!("the gate is closed"),
    };
    drop(open);
    assert_eq!(slow.join().unwrap(), 0);
}

#[test]
fn a_dropped_await_detaches() {
    let (open, handles) = gated(10);
    futures::executor::block_on(async {
        for handle in handles {
            match future::select(handle, future::ready(())).await {
                Either::Right(((), handle)) => drop(handle),
                Either::Left(_) => panic!("the gate is closed"),
            }
        }
    });
    drop(open);
}

#[test]
fn panics_and_cancellations_reach_the_awaiting_task() {
    let runtime = runtime::Builder::new().workers(1).build().unwrap();
    let failing = runtime.spawn(|| -> u32 { panic!("no luck") });
    let parked = runtime.spawn(routine::park);
    futures::executor::block_on(async {
        assert!(matches!(failing.await, Err(JoinError::Panicked(_))));
    });
    let waiting = std::thread::spawn(move || futures::executor::block_on(parked));
    runtime.shutdown(Duration::from_secs(30)).unwrap();
    assert!(matches!(waiting.join().unwrap(), Err(JoinError::Cancelled)));
}

#[test]
fn blocking_calls_work_inside_of_tokios_blocking_pool() {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .enable_time()
        .build()
        .unwrap();
    let (tx, rx) = channel::bounded(1);
    let sum = tokio.block_on(async {
        let receiver =
            tokio::task::spawn_blocking(move || (0..1000).map(|_| rx.recv().unwrap()).sum::<u32>());
        let sender = routine::spawn(move || (0..1000).for_each(|i| tx.send(i).unwrap()));
        sender.await.unwrap();
        receiver.await.unwrap()
    });
    assert_eq!(sum, 499_500);
}
