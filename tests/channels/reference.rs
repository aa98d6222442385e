//! The sequential model of channels that `model.rs` runs beside the real ones: queues of values and of
//! those who wait, without threads, locks or wakes.

use std::collections::{HashMap, VecDeque};

/// What one arm of a select, or a call, wants of which channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Want {
    Send(usize),
    Receive(usize),
}

/// How a call or a select ended: which of its wants, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    Sent(usize),
    Received(usize, u32),
    Closed(usize),
    /// A default, a time-out, a stop.
    Nothing,
}

/// One of `Sender`s or `Receiver`s in the model's queues.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    id: usize,
    arm: usize,
    value: u32,
}

#[derive(Debug)]
pub(crate) struct ModelChannel {
    capacity: usize,
    pub(crate) buffer: VecDeque<u32>,
    sending: VecDeque<Entry>,
    pub(crate) receiving: VecDeque<Entry>,
    pub(crate) is_open: bool,
}

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) channels: Vec<ModelChannel>,
    /// What the last step has ended: who, and the outcomes that are right.
    pub(crate) ended: Vec<(usize, Vec<Outcome>)>,
}

impl Model {
    pub(crate) fn new(capacities: &[Option<usize>]) -> Model {
        let channel = |capacity: &Option<usize>| ModelChannel {
            capacity: capacity.unwrap_or(usize::MAX),
            buffer: VecDeque::new(),
            sending: VecDeque::new(),
            receiving: VecDeque::new(),
            is_open: true,
        };
        Model {
            channels: capacities.iter().map(channel).collect(),
            ended: Vec::new(),
        }
    }

    fn is_ready(&self, want: Want) -> bool {
        match want {
            Want::Send(c) => {
                let c = &self.channels[c];
                let has_room = c.sending.is_empty() && c.buffer.len() < c.capacity;
                !c.is_open || !c.receiving.is_empty() || has_room
            }
            Want::Receive(c) => {
                let c = &self.channels[c];
                !c.is_open || !c.buffer.is_empty() || !c.sending.is_empty()
            }
        }
    }

    /// Takes a waiter out of all queues, with these outcomes.
    pub(crate) fn end(&mut self, id: usize, outcomes: Vec<Outcome>) {
        for channel in &mut self.channels {
            channel.sending.retain(|entry| entry.id != id);
            channel.receiving.retain(|entry| entry.id != id);
        }
        self.ended.push((id, outcomes));
    }

    /// Does what `want` wants, which is ready.
    fn perform(&mut self, want: Want, arm: usize, value: u32) -> Outcome {
        match want {
            Want::Send(c) if !self.channels[c].is_open => Outcome::Closed(arm),
            Want::Send(c) => {
                match self.channels[c].receiving.front().copied() {
                    Some(receiver) => {
                        // Its arms stand in the queue in random order.
                        let entries = self.channels[c].receiving.iter();
                        let of_it = entries.filter(|entry| entry.id == receiver.id);
                        let right = of_it.map(|entry| Outcome::Received(entry.arm, value));
                        let right = right.collect();
                        self.end(receiver.id, right);
                    }
                    None => self.channels[c].buffer.push_back(value),
                }
                Outcome::Sent(arm)
            }
            Want::Receive(c) => {
                let head = self.channels[c].buffer.pop_front();
                let sender = self.channels[c].sending.front().copied();
                if let Some(sender) = sender {
                    self.end(sender.id, vec![Outcome::Sent(sender.arm)]);
                }
                match (head, sender) {
                    (Some(head), sender) => {
                        let moved = sender.map(|sender| sender.value);
                        self.channels[c].buffer.extend(moved);
                        Outcome::Received(arm, head)
                    }
                    (None, Some(sender)) => Outcome::Received(arm, sender.value),
                    (None, None) => Outcome::Closed(arm),
                }
            }
        }
    }

    /// One who wants something now: what `outcome` says was done at once, or (`None`) it waits.
    pub(crate) fn wants(
        &mut self,
        id: usize,
        wants: &[Want],
        values: &[u32],
        outcome: Option<Outcome>,
    ) {
        let ready: Vec<usize> = (0..wants.len())
            .filter(|&i| self.is_ready(wants[i]))
            .collect();
        match outcome {
            Some(Outcome::Sent(arm) | Outcome::Received(arm, _) | Outcome::Closed(arm)) => {
                assert!(
                    ready.contains(&arm),
                    "arm {arm} was chosen, ready: {ready:?}"
                );
                let right = self.perform(wants[arm], arm, values[arm]);
                assert_eq!(outcome, Some(right));
            }
            Some(Outcome::Nothing) => assert!(ready.is_empty(), "nothing was chosen: {ready:?}"),
            None => {
                assert!(ready.is_empty(), "it waits, but these are ready: {ready:?}");
                for (arm, want) in wants.iter().enumerate() {
                    let value = values[arm];
                    let entry = Entry { id, arm, value };
                    match *want {
                        Want::Send(c) => self.channels[c].sending.push_back(entry),
                        Want::Receive(c) => self.channels[c].receiving.push_back(entry),
                    }
                }
            }
        }
    }

    pub(crate) fn close(&mut self, c: usize) -> bool {
        let was_open = std::mem::replace(&mut self.channels[c].is_open, false);
        let channel = &self.channels[c];
        let mut arms: HashMap<usize, Vec<Outcome>> = HashMap::new();
        for entry in channel.sending.iter().chain(&channel.receiving) {
            let outcomes = arms.entry(entry.id).or_default();
            outcomes.push(Outcome::Closed(entry.arm));
        }
        for (id, outcomes) in arms {
            self.end(id, outcomes);
        }
        was_open
    }
}
