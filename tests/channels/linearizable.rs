//! Is what threads and routines see of a channel explained by some order of their calls, one after the
//! other, that agrees with real time? Wing and Gong's search, over recorded histories.
//!
//! Each party notes for each call when it began and when it ended (ticks of one counter) and what it
//! returned. The search takes any call that began before every other pending one ended, and asks a
//! sequential queue whether it could return that; it remembers which sets of finished calls with which
//! queue have failed (Lowe's addition, without which 200 calls take for ever). A call that waits is a
//! call that takes its effect at some moment between its ends.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rust_routines::channel::{self, Receiver, Sender};
use rust_routines::runtime::Runtime;
use rust_routines::select;
use rust_routines::time::Duration;
use rust_routines_tests::watched;

use super::{On, start, workers};

/// What a call did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Call {
    Sent(u32),
    /// `try_send` found no room.
    Full,
    Received(u32),
    /// `try_recv` found nothing.
    Empty,
    /// Any send found the channel closed.
    SendClosed,
    /// Any receive found it closed and empty.
    ReceiveClosed,
    Close(bool),
    Length(usize),
}

#[derive(Clone, Copy, Debug)]
struct Event {
    begun: u64,
    ended: u64,
    call: Call,
}

/// The sequential queue.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Queue {
    values: VecDeque<u32>,
    is_open: bool,
}

impl Queue {
    /// Does what the call did; `None` if it could not have done that.
    fn after(&self, call: Call, capacity: usize) -> Option<Queue> {
        let has_room = self.values.len() < capacity;
        let may = match call {
            Call::Sent(_) => self.is_open && has_room,
            Call::Full => self.is_open && !has_room,
            Call::Received(value) => self.values.front() == Some(&value),
            Call::Empty => self.is_open && self.values.is_empty(),
            Call::SendClosed => !self.is_open,
            Call::ReceiveClosed => !self.is_open && self.values.is_empty(),
            Call::Close(was_open) => self.is_open == was_open,
            Call::Length(len) => self.values.len() == len,
        };
        if !may {
            return None;
        }
        let mut next = self.clone();
        match call {
            Call::Sent(value) => next.values.push_back(value),
            Call::Received(_) => drop(next.values.pop_front()),
            Call::Close(_) => next.is_open = false,
            _ => {}
        }
        Some(next)
    }
}

/// Which calls have been put in order.
type Done = Vec<u64>;

/// Whether the history of a channel has an order; the events are sorted by their begin.
fn is_linearizable(events: &[Event], capacity: usize) -> bool {
    debug_assert!(events.is_sorted_by_key(|event| event.begun));
    let mut seen: HashSet<(Done, Queue)> = HashSet::new();
    let queue = Queue {
        values: VecDeque::new(),
        is_open: true,
    };
    // What is done, the queue after it, and the next event to be tried there.
    let mut path = vec![(vec![0; events.len().div_ceil(64)], queue, 0_usize)];
    while let Some((done, queue, next)) = path.last_mut() {
        let is_done = |done: &Done, i: usize| done[i / 64] >> (i % 64) & 1 == 1;
        let pending = || (0..events.len()).filter(|&i| !is_done(done, i));
        let Some(first_end) = pending().map(|i| events[i].ended).min() else {
            return true;
        };
        let step = pending()
            .skip_while(|i| i < next)
            .take_while(|&i| events[i].begun < first_end)
            .find_map(|i| Some((i, queue.after(events[i].call, capacity)?)));
        let Some((i, after)) = step else {
            path.pop();
            continue;
        };
        *next = i + 1;
        let mut done = done.clone();
        done[i / 64] |= 1 << (i % 64);
        if seen.insert((done.clone(), after.clone())) {
            path.push((done, after, 0));
        }
    }
    false
}

/// Notes what one party does.
struct Party {
    clock: Arc<AtomicU64>,
    events: Vec<Event>,
    random: SmallRng,
    sender: Sender<u32>,
    receiver: Receiver<u32>,
    next: u32,
}

impl Party {
    fn note(&mut self, call: impl FnOnce(&Sender<u32>, &Receiver<u32>) -> Option<Call>) {
        let begun = self.clock.fetch_add(1, Ordering::SeqCst);
        let call = call(&self.sender, &self.receiver);
        let ended = self.clock.fetch_add(1, Ordering::SeqCst);
        // A time-out had no effect.
        if let Some(call) = call {
            self.events.push(Event { begun, ended, call });
        }
    }

    /// One random call; those that wait do so for a moment only, so that histories end.
    fn act(&mut self) {
        let brief = Duration::from_micros(self.random.random_range(0..50));
        self.next += 1;
        let value = self.next;
        match self.random.random_range(0..16) {
            0..3 => self.note(|sender, _| Some(tried(value, sender.try_send(value)))),
            3..5 => self.note(|sender, _| match sender.send_timeout(value, brief) {
                Err(error) if error.is_timeout() => None,
                result => Some(result.map_or(Call::SendClosed, |()| Call::Sent(value))),
            }),
            5..7 => self.note(|sender, _| {
                select! {
                    sent = sender.send(value) => Some(sent.map_or(Call::SendClosed, |()| Call::Sent(value))),
                    default(brief) => None,
                }
            }),
            7..10 => self.note(|_, receiver| match receiver.try_recv() {
                Ok(value) => Some(Call::Received(value)),
                Err(error) if error.is_empty() => Some(Call::Empty),
                Err(_) => Some(Call::ReceiveClosed),
            }),
            10..12 => self.note(|_, receiver| match receiver.recv_timeout(brief) {
                Err(error) if error.is_timeout() => None,
                result => Some(result.map_or(Call::ReceiveClosed, Call::Received)),
            }),
            12..14 => self.note(|_, receiver| {
                select! {
                    value = receiver.recv() => Some(value.map_or(Call::ReceiveClosed, Call::Received)),
                    default(brief) => None,
                }
            }),
            _ => self.note(|_, receiver| Some(Call::Length(receiver.len()))),
        }
    }

    fn close(&mut self) {
        self.note(|sender, _| Some(Call::Close(sender.close())));
    }
}

fn tried(value: u32, result: Result<(), channel::TrySendError<u32>>) -> Call {
    match result {
        Ok(()) => Call::Sent(value),
        Err(error) if error.is_full() => Call::Full,
        Err(_) => Call::SendClosed,
    }
}

/// A history of at least `calls` calls, of `parties` on routines and on threads.
fn history(
    runtime: &Runtime,
    capacity: Option<usize>,
    parties: u32,
    calls: usize,
    seed: u64,
) -> Vec<Event> {
    let (sender, receiver) = match capacity {
        Some(capacity) => channel::bounded(capacity),
        None => channel::unbounded(),
    };
    let clock = Arc::new(AtomicU64::new(0));
    let (ready, go) = (Arc::new(AtomicU64::new(0)), u64::from(parties));
    let sides: Vec<_> = (0..parties)
        .map(|n| {
            let mut party = Party {
                clock: clock.clone(),
                events: Vec::new(),
                random: SmallRng::seed_from_u64(seed * 10 + u64::from(n)),
                sender: sender.clone(),
                receiver: receiver.clone(),
                next: n << 16,
            };
            let on = [On::Routine, On::Thread][(n as usize + seed as usize) % 2];
            let ready = ready.clone();
            start(runtime, on, move || {
                ready.fetch_add(1, Ordering::SeqCst);
                rust_routines_tests::wait::yield_until("all are here", || {
                    ready.load(Ordering::SeqCst) == go
                });
                let each = calls.div_ceil(parties as usize);
                // In a quarter of the histories somebody closes near the end.
                let mut closes = n == 0 && seed % 4 == 0;
                while party.events.len() < each {
                    party.act();
                    if closes && party.events.len() > each * 3 / 4 {
                        party.close();
                        closes = false;
                    }
                }
                party.events
            })
        })
        .collect();
    let mut events: Vec<Event> = sides.into_iter().flat_map(super::Side::join).collect();
    events.sort_by_key(|event| event.begun);
    events
}

/// A thousand histories of two hundred calls that had an effect or an answer.
#[test]
fn b5_histories_have_an_order() {
    const CALLS: usize = 200;
    watched(|| {
        let runtime = workers(2);
        for seed in 0..u64::from(crate::cases(1000)) {
            let capacity = [Some(1), Some(2), Some(5), None][seed as usize / 4 % 4];
            let parties = 2 + (seed % 3) as u32;
            let events = history(&runtime, capacity, parties, CALLS, seed);
            assert!(events.len() >= CALLS);
            let capacity = capacity.unwrap_or(usize::MAX);
            assert!(is_linearizable(&events, capacity), "{seed}: {events:#?}");
        }
    });
}

/// Calls one after the other, or (`apart: 0`) all at the same time.
fn events(calls: &[Call], apart: u64) -> Vec<Event> {
    let event = |(i, &call): (usize, &Call)| Event {
        begun: i as u64 * apart,
        ended: i as u64 * apart + 1,
        call,
    };
    calls.iter().enumerate().map(event).collect()
}

#[test]
fn the_checker_accepts_what_is_right_and_rejects_what_is_wrong() {
    use Call::{Close, Empty, Full, Length, ReceiveClosed, Received, SendClosed, Sent};
    let right: [&[Call]; 4] = [
        &[
            Sent(1),
            Sent(2),
            Full,
            Received(1),
            Length(1),
            Received(2),
            Empty,
        ],
        &[
            Empty,
            Length(0),
            Sent(1),
            Length(1),
            Received(1),
            Sent(2),
            Received(2),
        ],
        &[
            Sent(1),
            Close(true),
            Close(false),
            SendClosed,
            Received(1),
            ReceiveClosed,
        ],
        &[],
    ];
    for calls in right {
        assert!(is_linearizable(&events(calls, 2), 2), "{calls:?}");
        assert!(is_linearizable(&events(calls, 0), 2), "{calls:?}, at once");
    }
    let wrong: [&[Call]; 10] = [
        &[Sent(1), Sent(2), Received(2), Received(1)],
        &[Sent(1), Received(1), Received(1)],
        &[Sent(1), Empty],
        &[Sent(1), Full],
        &[Sent(1), Sent(2), Sent(3)],
        &[Received(1), Sent(1)],
        &[Sent(1), Length(2)],
        &[Close(true), Sent(1)],
        &[Sent(1), Close(true), ReceiveClosed],
        &[Sent(1), SendClosed, Close(true)],
    ];
    for calls in wrong {
        assert!(!is_linearizable(&events(calls, 2), 2), "{calls:?}");
    }
    // At the same time most of those are right, but not all.
    assert!(is_linearizable(&events(wrong[0], 0), 2));
    assert!(!is_linearizable(&events(wrong[1], 0), 2));
    assert!(!is_linearizable(&events(wrong[6], 0), 2));
}

/// What was recorded, with two received values swapped or one doubled, has no order.
#[test]
fn the_checker_rejects_recorded_histories_that_were_tampered_with() {
    watched(|| {
        let runtime = workers(2);
        let mut rejected = 0;
        for seed in 0..20 {
            let recorded = history(&runtime, Some(5), 3, 200, seed);
            let is_received = |i: &usize| matches!(recorded[*i].call, Call::Received(_));
            let received: Vec<usize> = (0..recorded.len()).filter(is_received).collect();
            let [a, b] = [received[10], received[received.len() - 10]];
            let mut swapped = recorded.clone();
            (swapped[a].call, swapped[b].call) = (recorded[b].call, recorded[a].call);
            let mut doubled = recorded.clone();
            doubled[b].call = recorded[a].call;
            rejected += usize::from(!is_linearizable(&swapped, 5));
            rejected += usize::from(!is_linearizable(&doubled, 5));
        }
        assert_eq!(rejected, 40);
    });
}
