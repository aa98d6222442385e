//! A model of two channels, against which random programs run: plain calls, tries, time-outs, selects over
//! both channels in both directions, withdrawals, closes.
//!
//! All runs on one worker, so that each step is over before the next begins, and the model says exactly
//! who gets what: B3 (what is queued outlives a close), B4 (hand-off), B5 and B6 (first come, first
//! served; nobody passes those who wait), B8 (lengths), B12 (tries), B15 (one arm of each select). Only
//! where several arms of a select are ready the choice is asked of the channels and checked to be one of
//! those. Futures are in `model_futures.rs`: who of them is served depends on when they look.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use rust_routines::channel::{self, Receiver, RecvTimeoutError, SendTimeoutError, Sender};
use rust_routines::channel::{TryRecvError, TrySendError};
use rust_routines::routine::{self, JoinHandle};
use rust_routines::select::{self, Arm, Select};
use rust_routines::time::Duration;
use rust_routines_tests::watched;

use super::reference::{Model, Outcome, Want};
use super::{blocked, workers};

#[derive(Clone, Debug)]
enum Op {
    /// A call that does not wait.
    Try(Want),
    /// A call that waits for a moment, in which nothing else happens.
    Brief(Want),
    /// A call that waits.
    Call(Want),
    Select(Vec<Want>),
    /// A select with a default.
    TrySelect(Vec<Want>),
    /// One of the selects that wait is told to stop.
    Stop(usize),
    Close(usize),
}

/// Tells a select to stop.
#[derive(Clone, Default)]
struct Stop(Arc<Mutex<(bool, Option<Waker>)>>);

impl Stop {
    fn stop(&self) {
        let mut state = self.0.lock().unwrap();
        state.0 = true;
        let waker = state.1.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Arm for Stop {
    type Output = Outcome;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let mut state = self.0.lock().unwrap();
        if state.0 {
            return Poll::Ready(Outcome::Nothing);
        }
        state.1 = Some(cx.waker().clone());
        Poll::Pending
    }
}

type Ends = Arc<Vec<(Sender<u32>, Receiver<u32>)>>;

/// A select of the real thing, over `wants`.
fn select<'a>(ends: &'a Ends, wants: &[Want], values: &[u32]) -> Select<'a, Outcome> {
    let mut select = Select::new();
    for (arm, want) in wants.iter().enumerate() {
        match *want {
            Want::Send(c) => {
                let sends = ends[c].0.send_arm(values[arm]);
                select.add(select::map(sends, move |sent| match sent {
                    Ok(()) => Outcome::Sent(arm),
                    Err(_) => Outcome::Closed(arm),
                }));
            }
            Want::Receive(c) => {
                let receives = ends[c].1.recv_arm();
                select.add(select::map(receives, move |got| match got {
                    Ok(value) => Outcome::Received(arm, value),
                    Err(_) => Outcome::Closed(arm),
                }));
            }
        }
    }
    select
}

fn call(ends: &Ends, want: Want, value: u32) -> Outcome {
    match want {
        Want::Send(c) => match ends[c].0.send(value) {
            Ok(()) => Outcome::Sent(0),
            Err(back) => {
                assert_eq!(back.into_inner(), value);
                Outcome::Closed(0)
            }
        },
        Want::Receive(c) => match ends[c].1.recv() {
            Ok(value) => Outcome::Received(0, value),
            Err(_) => Outcome::Closed(0),
        },
    }
}

fn try_call(ends: &Ends, want: Want, value: u32) -> Outcome {
    match want {
        Want::Send(c) => match ends[c].0.try_send(value) {
            Ok(()) => Outcome::Sent(0),
            Err(TrySendError::Full(_)) => Outcome::Nothing,
            Err(TrySendError::Disconnected(_)) => Outcome::Closed(0),
        },
        Want::Receive(c) => match ends[c].1.try_recv() {
            Ok(value) => Outcome::Received(0, value),
            Err(TryRecvError::Empty) => Outcome::Nothing,
            Err(TryRecvError::Disconnected) => Outcome::Closed(0),
        },
    }
}

fn brief_call(ends: &Ends, want: Want, value: u32) -> Outcome {
    let timeout = Duration::from_micros(20);
    match want {
        Want::Send(c) => match ends[c].0.send_timeout(value, timeout) {
            Ok(()) => Outcome::Sent(0),
            Err(SendTimeoutError::Timeout(_)) => Outcome::Nothing,
            Err(SendTimeoutError::Disconnected(_)) => Outcome::Closed(0),
        },
        Want::Receive(c) => match ends[c].1.recv_timeout(timeout) {
            Ok(value) => Outcome::Received(0, value),
            Err(RecvTimeoutError::Timeout) => Outcome::Nothing,
            Err(RecvTimeoutError::Disconnected) => Outcome::Closed(0),
        },
    }
}

/// The channels and the model, side by side.
struct Pair {
    ends: Ends,
    model: Model,
    waiting: Vec<(usize, JoinHandle<Outcome>, Option<Stop>)>,
    next: u32,
}

impl Pair {
    fn new(capacities: &[Option<usize>]) -> Pair {
        let make = |capacity: &Option<usize>| match *capacity {
            Some(capacity) => channel::bounded(capacity),
            None => channel::unbounded(),
        };
        Pair {
            ends: Arc::new(capacities.iter().map(make).collect()),
            model: Model::new(capacities),
            waiting: Vec::new(),
            next: 0,
        }
    }

    /// A number for a waiter, and a value for each of its arms.
    fn fresh(&mut self, arms: usize) -> (usize, Vec<u32>) {
        let values = (self.next..).take(arms).collect();
        self.next += arms as u32;
        (self.next as usize, values)
    }

    fn step(&mut self, op: &Op) {
        match op {
            Op::Try(want) => self.at_once(&[*want], |ends, v| try_call(ends, *want, v[0])),
            Op::Brief(want) => self.at_once(&[*want], |ends, v| brief_call(ends, *want, v[0])),
            Op::TrySelect(wants) => self.at_once(wants, |ends, values| {
                let select = select(ends, wants, values);
                select
                    .try_wait()
                    .map_or(Outcome::Nothing, |(_, outcome)| outcome)
            }),
            Op::Call(want) => {
                let want = *want;
                self.start(&[want], None, move |ends, values| {
                    call(ends, want, values[0])
                });
            }
            Op::Select(wants) => {
                let (stop, of_select, wants_of) = (Stop::default(), wants.clone(), wants);
                let tell = stop.clone();
                self.start(wants_of, Some(tell), move |ends, values| {
                    let mut select = select(ends, &of_select, values);
                    select.add(stop);
                    select.wait().1
                });
            }
            Op::Stop(n) => self.stop(*n),
            Op::Close(c) => {
                let was_open = self.ends[*c].0.close();
                assert_eq!(was_open, self.model.close(*c));
            }
        }
        self.compare();
    }

    fn at_once(&mut self, wants: &[Want], call: impl FnOnce(&Ends, &[u32]) -> Outcome) {
        let (id, values) = self.fresh(wants.len());
        let outcome = call(&self.ends, &values);
        self.model.wants(id, wants, &values, Some(outcome));
    }

    fn start(
        &mut self,
        wants: &[Want],
        stop: Option<Stop>,
        call: impl FnOnce(&Ends, &[u32]) -> Outcome + Send + 'static,
    ) {
        let (id, values) = self.fresh(wants.len());
        let (ends, of_call) = (self.ends.clone(), values.clone());
        let handle = blocked(move || call(&ends, &of_call));
        if handle.is_finished() {
            let outcome = handle.join().unwrap();
            self.model.wants(id, wants, &values, Some(outcome));
        } else {
            self.model.wants(id, wants, &values, None);
            self.waiting.push((id, handle, stop));
        }
    }

    fn stop(&mut self, n: usize) {
        let stoppable: Vec<_> = self
            .waiting
            .iter()
            .filter_map(|(id, _, stop)| Some((*id, stop.clone()?)))
            .collect();
        if let Some((id, stop)) = stoppable.get(n % stoppable.len().max(1)) {
            stop.stop();
            self.model.end(*id, vec![Outcome::Nothing]);
        }
    }

    /// Whoever should have ended has, as it should; nobody else; and the buffers are as long.
    fn compare(&mut self) {
        for (id, outcomes) in std::mem::take(&mut self.model.ended) {
            let place = self.waiting.iter().position(|(waiting, ..)| *waiting == id);
            let (_, handle, _) = self.waiting.remove(place.expect("it waits"));
            // On one worker whoever was woken has its turn before this one has it again.
            (0..3).for_each(|_| routine::yield_now());
            assert!(handle.is_finished(), "{id} was not served");
            let outcome = handle.join().unwrap();
            assert!(outcomes.contains(&outcome), "{outcome:?}, not {outcomes:?}");
        }
        routine::yield_now();
        let early = self
            .waiting
            .iter()
            .find(|(_, handle, _)| handle.is_finished());
        assert!(
            early.is_none(),
            "nothing was there for it: {:?}",
            self.model
        );
        for (ends, model) in self.ends.iter().zip(&self.model.channels) {
            assert_eq!(ends.0.len(), model.buffer.len());
            assert_eq!(ends.1.is_closed(), !model.is_open);
        }
    }

    /// Closes all, and takes out what is left.
    fn finish(mut self) {
        for c in 0..self.ends.len() {
            self.step(&Op::Close(c));
        }
        assert!(self.waiting.is_empty());
        for (ends, model) in self.ends.iter().zip(&self.model.channels) {
            assert!(ends.1.iter().eq(model.buffer.iter().copied()));
        }
    }
}

fn want() -> impl Strategy<Value = Want> + Clone {
    (0..2_usize, any::<bool>()).prop_map(|(c, sends)| match sends {
        true => Want::Send(c),
        false => Want::Receive(c),
    })
}

/// At most one send to each channel: with two, which value is received is up to the select.
fn send_once(mut wants: Vec<Want>) -> Vec<Want> {
    let mut sends = Vec::new();
    wants.retain(|want| {
        let again = sends.contains(want);
        sends.push(*want);
        !again || matches!(want, Want::Receive(_))
    });
    wants
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => want().prop_map(Op::Try),
        1 => want().prop_map(Op::Brief),
        6 => want().prop_map(Op::Call),
        5 => vec(want(), 1..5).prop_map(|wants| Op::Select(send_once(wants))),
        2 => vec(want(), 1..5).prop_map(Op::TrySelect),
        2 => any::<usize>().prop_map(Op::Stop),
        1 => prop_oneof![9 => Just(None), 1 => (0..2_usize).prop_map(Some)]
            .prop_map(|c| c.map_or(Op::Stop(0), Op::Close)),
    ]
}

fn capacity() -> impl Strategy<Value = Option<usize>> {
    prop_oneof![3 => Just(Some(0)), 2 => Just(Some(1)), 2 => Just(Some(3)), 1 => Just(None)]
}

fn run(capacities: &[Option<usize>], ops: &[Op]) {
    let mut pair = Pair::new(capacities);
    ops.iter().for_each(|op| pair.step(op));
    pair.finish();
}

/// Random programs; a failure prints the shortest one that still fails.
#[test]
fn channels_do_what_the_model_does() {
    watched(|| {
        let runtime = workers(1);
        let config = Config {
            failure_persistence: None,
            ..Config::with_cases(crate::cases(400))
        };
        let programs = (vec(capacity(), 2), vec(op(), 1..80));
        let result = TestRunner::new(config).run(&programs, |(capacities, ops)| {
            runtime.run(|| run(&capacities, &ops));
            Ok(())
        });
        if let Err(failure) = result {
            panic!("{failure}");
        }
    });
}

/// A model that is wrong is found out: one that serves the last who came.
#[test]
fn a_wrong_model_is_found_out() {
    watched(|| {
        let failed = std::panic::catch_unwind(|| {
            workers(1).run(|| {
                let mut pair = Pair::new(&[Some(0)]);
                pair.step(&Op::Call(Want::Receive(0)));
                pair.step(&Op::Call(Want::Receive(0)));
                pair.model.channels[0].receiving.make_contiguous().reverse();
                pair.step(&Op::Try(Want::Send(0)));
            });
        });
        let payload = failed.expect_err("the queue of the model is upside down");
        let text = payload.downcast_ref::<String>().cloned();
        assert!(text.is_some(), "it was compared");
    });
}
