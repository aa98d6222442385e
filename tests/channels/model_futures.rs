//! Random programs of futures, tries, blocked routines, selects and drops over one channel: nothing is
//! lost or doubled, and nobody is left behind.
//!
//! Which future is served depends on when it looks, so the check is weaker than that of `model.rs`:
//! - each value that was sent is received once, or dropped with what held it;
//! - when everybody who was woken has looked, nobody waits for what is there: if a receiver waits the
//!   channel is empty and no sender waits, and if a sender waits the buffer is full.

use std::collections::HashSet;
use std::sync::Arc;
use std::task::{Poll, Waker};

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use rust_routines::channel::{self, Receiver, RecvFuture, SendFuture, Sender};
use rust_routines::routine::{self, JoinHandle};
use rust_routines::select;
use rust_routines_tests::drops::{Drops, Tracked};
use rust_routines_tests::tasks::CountingWaker;
use rust_routines_tests::watched;

use super::{blocked, look_with, workers};

#[derive(Clone, Debug)]
enum Op {
    TrySend,
    TryReceive,
    /// A routine that blocks, or (`true`) a select that does.
    Send(bool),
    Receive(bool),
    SendFuture,
    ReceiveFuture,
    /// Polls a future, woken or not.
    Poll(usize),
    /// Polls all futures that were woken.
    PollWoken,
    Drop(usize),
    Close,
}

struct Value {
    number: u32,
    #[expect(dead_code, reason = "held for its destructor")]
    tracked: Tracked,
}

enum Kind<'a> {
    Send(SendFuture<'a, Value>, u32),
    Receive(RecvFuture<'a, Value>),
}

struct Task<'a> {
    kind: Kind<'a>,
    waker: Arc<CountingWaker>,
    seen: usize,
}

struct World<'a> {
    sender: &'a Sender<Value>,
    receiver: &'a Receiver<Value>,
    drops: Drops,
    next: u32,
    sent: HashSet<u32>,
    /// Sent by a future that was dropped: they may or may not have been taken before.
    unsure: HashSet<u32>,
    received: HashSet<u32>,
    tasks: Vec<Task<'a>>,
    sends: Vec<(JoinHandle<bool>, u32)>,
    receives: Vec<JoinHandle<Option<u32>>>,
}

impl<'a> World<'a> {
    fn value(&mut self) -> Value {
        self.next += 1;
        Value {
            number: self.next,
            tracked: self.drops.track(),
        }
    }

    fn receive(&mut self, number: u32) {
        assert!(self.received.insert(number), "{number} was received twice");
    }

    fn step(&mut self, op: &Op) {
        match *op {
            Op::TrySend => {
                let value = self.value();
                let number = value.number;
                if self.sender.try_send(value).is_ok() {
                    self.sent.insert(number);
                }
            }
            Op::TryReceive => {
                if let Ok(value) = self.receiver.try_recv() {
                    self.receive(value.number);
                }
            }
            Op::Send(selects) => {
                let value = self.value();
                let (number, sender) = (value.number, self.sender.clone());
                let never = channel::never::<()>();
                let handle = blocked(move || match selects {
                    false => sender.send(value).is_ok(),
                    true => {
                        select! { sent = sender.send(value) => sent.is_ok(), never.recv() => false }
                    }
                });
                self.sends.push((handle, number));
            }
            Op::Receive(selects) => {
                let receiver = self.receiver.clone();
                let never = channel::never();
                self.receives.push(blocked(move || {
                    let value = match selects {
                        false => receiver.recv(),
                        true => select! { v = receiver.recv() => v, v = never.recv() => v },
                    };
                    value.ok().map(|value| value.number)
                }));
            }
            Op::SendFuture => {
                let value = self.value();
                let number = value.number;
                self.add(Kind::Send(self.sender.send_async(value), number));
            }
            Op::ReceiveFuture => self.add(Kind::Receive(self.receiver.recv_async())),
            Op::Poll(_) | Op::Drop(_) if self.tasks.is_empty() => {}
            Op::Poll(n) => self.poll(n % self.tasks.len()),
            Op::PollWoken => self.poll_woken(),
            Op::Drop(n) => {
                let task = self.tasks.remove(n % self.tasks.len());
                if let Kind::Send(_, number) = task.kind {
                    self.unsure.insert(number);
                }
            }
            Op::Close => {
                self.sender.close();
            }
        }
        routine::yield_now();
    }

    fn add(&mut self, kind: Kind<'a>) {
        self.tasks.push(Task {
            kind,
            waker: CountingWaker::new(),
            seen: 0,
        });
        self.poll(self.tasks.len() - 1);
    }

    /// Polls a task, which goes if it is ready.
    fn poll(&mut self, n: usize) {
        let task = &mut self.tasks[n];
        task.seen = task.waker.wakes();
        let waker = Waker::from(task.waker.clone());
        let ready = match &mut task.kind {
            Kind::Send(future, number) => {
                let number = *number;
                look_with(future, &waker).map(|sent| {
                    if sent.is_ok() {
                        self.sent.insert(number);
                    }
                    None
                })
            }
            Kind::Receive(future) => {
                look_with(future, &waker).map(|got| got.ok().map(|value| value.number))
            }
        };
        if let Poll::Ready(number) = ready {
            self.tasks.remove(n);
            number.into_iter().for_each(|number| self.receive(number));
        }
    }

    fn poll_woken(&mut self) {
        while let Some(n) = self
            .tasks
            .iter()
            .position(|task| task.seen < task.waker.wakes())
        {
            self.poll(n);
            routine::yield_now();
        }
    }

    /// Everybody who was woken has looked: nobody waits for what is there.
    fn assert_nobody_is_left_behind(&mut self) {
        self.poll_woken();
        for _ in 0..3 {
            routine::yield_now();
        }
        self.poll_woken();
        self.collect();
        let is_send = |task: &&Task<'_>| matches!(task.kind, Kind::Send(..));
        let of_tasks = self.tasks.iter().filter(is_send).count();
        let sending = of_tasks + self.sends.len();
        let receiving = self.tasks.len() - of_tasks + self.receives.len();
        let (len, is_full) = (self.receiver.len(), self.receiver.is_full());
        let state = format!("{sending} send, {receiving} receive, {len} are queued");
        assert!(receiving == 0 || sending == 0 && len == 0, "{state}");
        assert!(sending == 0 || is_full, "{state}");
        assert!(
            sending + receiving == 0 || !self.receiver.is_closed(),
            "closed: {state}"
        );
    }

    /// Takes the results of the routines that have ended.
    fn collect(&mut self) {
        let (ended, waiting) = std::mem::take(&mut self.sends)
            .into_iter()
            .partition(|(handle, _)| handle.is_finished());
        self.sends = waiting;
        for (handle, number) in ended {
            if handle.join().unwrap() {
                self.sent.insert(number);
            }
        }
        let (ended, waiting): (Vec<_>, _) = std::mem::take(&mut self.receives)
            .into_iter()
            .partition(JoinHandle::is_finished);
        self.receives = waiting;
        for handle in ended {
            if let Some(number) = handle.join().unwrap() {
                self.receive(number);
            }
        }
    }

    fn finish(mut self) {
        self.step(&Op::Close);
        self.assert_nobody_is_left_behind();
        assert!(self.tasks.is_empty() && self.sends.is_empty() && self.receives.is_empty());
        while let Ok(value) = self.receiver.try_recv() {
            self.receive(value.number);
        }
        let lost: Vec<_> = self.sent.difference(&self.received).collect();
        assert!(lost.is_empty(), "sent and lost: {lost:?}");
        let never_sent = self.received.difference(&self.sent);
        let forged: Vec<_> = never_sent.filter(|n| !self.unsure.contains(n)).collect();
        assert!(forged.is_empty(), "received, but not sent: {forged:?}");
    }
}

fn run(capacity: Option<usize>, ops: &[Op]) {
    let (sender, receiver) = match capacity {
        Some(capacity) => channel::bounded(capacity),
        None => channel::unbounded(),
    };
    let drops = Drops::new();
    let mut world = World {
        sender: &sender,
        receiver: &receiver,
        drops: drops.clone(),
        next: 0,
        sent: HashSet::new(),
        unsure: HashSet::new(),
        received: HashSet::new(),
        tasks: Vec::new(),
        sends: Vec::new(),
        receives: Vec::new(),
    };
    for (i, op) in ops.iter().enumerate() {
        world.step(op);
        // Not after each step: those who are told and have not looked are what this is about.
        if i % 8 == 7 {
            world.assert_nobody_is_left_behind();
        }
    }
    world.finish();
    drop((sender, receiver));
    assert_eq!(drops.alive(), 0, "each value was dropped");
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => Just(Op::TrySend),
        3 => Just(Op::TryReceive),
        2 => any::<bool>().prop_map(Op::Send),
        2 => any::<bool>().prop_map(Op::Receive),
        4 => Just(Op::SendFuture),
        4 => Just(Op::ReceiveFuture),
        3 => any::<usize>().prop_map(Op::Poll),
        1 => Just(Op::PollWoken),
        4 => any::<usize>().prop_map(Op::Drop),
    ]
}

#[test]
fn futures_and_routines_share_and_lose_nothing() {
    watched(|| {
        let runtime = workers(1);
        let config = Config {
            failure_persistence: None,
            ..Config::with_cases(crate::cases(1000))
        };
        let capacity = prop_oneof![
            3 => Just(Some(0)),
            3 => Just(Some(1)),
            2 => Just(Some(2)),
            1 => Just(None)
        ];
        let result =
            TestRunner::new(config).run(&(capacity, vec(op(), 1..80)), |(capacity, ops)| {
                runtime.run(|| run(capacity, &ops));
                Ok(())
            });
        if let Err(failure) = result {
            panic!("{failure}");
        }
    });
}
