//! The ends of channels as futures, in the executors that people use, with routines on the other side.
#![forbid(unsafe_code)]

use std::time::Duration;

use futures::executor::{LocalPool, block_on};
use futures::future::{self, Either, join_all};
use futures::task::LocalSpawnExt;
use rust_routines::channel::{self, Receiver, Sender};
use rust_routines::routine::{self, JoinHandle};

const EACH: u64 = 500;

/// Routines that send all numbers below `EACH`, once for each of them.
fn senders(n: u64, sender: &Sender<u64>) -> Vec<JoinHandle<()>> {
    (0..n)
        .map(|_| {
            let sender = sender.clone();
            routine::spawn(move || (0..EACH).for_each(|i| sender.send(i).unwrap()))
        })
        .collect()
}

async fn sum(receiver: Receiver<u64>) -> u64 {
    let mut sum = 0;
    while let Ok(value) = receiver.recv_async().await {
        sum += value;
    }
    sum
}

const SUM: u64 = EACH * (EACH - 1) / 2;

fn join(handles: Vec<JoinHandle<()>>) {
    handles
        .into_iter()
        .for_each(|handle| handle.join().unwrap());
}

#[test]
fn tokio_tasks_receive_from_routines() {
    let tokio = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    for capacity in [0, 1, 100] {
        let (sender, receiver) = channel::bounded(capacity);
        let tasks: Vec<_> = (0..4).map(|_| tokio.spawn(sum(receiver.clone()))).collect();
        let sends = senders(4, &sender);
        join(sends);
        drop(sender);
        let sums = tokio.block_on(join_all(tasks));
        assert_eq!(sums.into_iter().map(Result::unwrap).sum::<u64>(), 4 * SUM);
    }
}

#[test]
fn async_std_tasks_send_to_routines() {
    for capacity in [0, 1, 100] {
        let (sender, receiver) = channel::bounded(capacity);
        let receives: Vec<_> = (0..4)
            .map(|_| {
                let receiver = receiver.clone();
                routine::spawn(move || receiver.iter().sum::<u64>())
            })
            .collect();
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let sender = sender.clone();
                async_std::task::spawn(async move {
                    for i in 0..EACH {
                        sender.send_async(i).await.unwrap();
                    }
                })
            })
            .collect();
        drop(sender);
        async_std::task::block_on(join_all(tasks));
        let sums = receives.into_iter().map(|receive| receive.join().unwrap());
        assert_eq!(sums.sum::<u64>(), 4 * SUM);
    }
}

/// All on one thread, which none of them may block.
#[test]
fn tasks_of_one_thread_meet_each_other() {
    for capacity in [0, 1, 100] {
        let mut pool = LocalPool::new();
        let spawner = pool.spawner();
        let (sender, receiver) = channel::bounded(capacity);
        let sums: Vec<_> = (0..4)
            .map(|_| {
                spawner
                    .spawn_local_with_handle(sum(receiver.clone()))
                    .unwrap()
            })
            .collect();
        for _ in 0..4 {
            let sender = sender.clone();
            let send = async move {
                for i in 0..EACH {
                    sender.send_async(i).await.unwrap();
                }
            };
            spawner.spawn_local(send).unwrap();
        }
        drop(sender);
        let sums = pool.run_until(join_all(sums));
        assert_eq!(sums.into_iter().sum::<u64>(), 4 * SUM);
    }
}

/// `tokio::select!` drops the futures that lose: nothing is lost with them.
#[test]
fn losing_a_tokio_select_loses_nothing() {
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let (a, of_a) = channel::bounded(0);
    let (b, of_b) = channel::bounded(1);
    let mut sends = senders(2, &a);
    sends.extend(senders(2, &b));
    let (mut sum, mut late) = (0, 0);
    tokio.block_on(async {
        for _ in 0..4 * EACH {
            loop {
                tokio::select! {
                    value = of_a.recv_async() => { sum += value.unwrap(); break }
                    value = of_b.recv_async() => { sum += value.unwrap(); break }
                    () = tokio::time::sleep(Duration::from_micros(1)) => late += 1,
                }
            }
        }
    });
    assert_eq!(sum, 4 * SUM, "{late} times late");
    join(sends);
}

/// As `futures::select` does it: the loser is kept, and polled again.
#[test]
fn a_future_that_lost_is_awaited_again() {
    let (sender, receiver) = channel::bounded(0);
    let sends = senders(1, &sender);
    let sum = block_on(async {
        let mut sum = 0;
        let mut next = receiver.recv_async();
        for _ in 0..EACH {
            sum += loop {
                match future::select(next, future::ready(())).await {
                    Either::Left((value, _)) => {
                        next = receiver.recv_async();
                        break value.unwrap();
                    }
                    Either::Right(((), pending)) => next = pending,
                }
            };
        }
        sum
    });
    assert_eq!(sum, SUM);
    join(sends);
}
