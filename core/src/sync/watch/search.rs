//! The search for a circle, and what there is to say of it.

use std::collections::HashMap;

use super::{Hold, Lock, Party, Wait, Waits, Want, Who, shard};

type Parties = HashMap<Party, Wait>;

/// A circle.
pub(super) struct Found {
    pub(super) report: String,
    /// Whether it can only be a deadlock.
    pub(super) is_sure: bool,
    /// The numbers of the waits in it.
    pub(super) waits: Vec<u64>,
}

/// A way from one who waits: each hold is of what the one before waits for.
struct Chain<'a> {
    holds: &'a mut Vec<Hold>,
    /// How many of its steps go from one who would read to one who reads.
    doubts: usize,
}

impl Wait {
    /// Whether it ends by itself: its routine has been cancelled, and is about to unwind.
    fn is_ending(&self) -> bool {
        matches!(&self.who, Who::Routine(header) if header.is_cancelled())
    }

    fn name(&self) -> Option<&str> {
        match &self.who {
            Who::Routine(header) | Who::Deputy(header) => header.name().map(|name| &**name),
            Who::Thread(thread) => thread.name(),
        }
    }
}

/// The circle that the wait of `me` closes. Takes no memory where there is none.
pub(super) fn circle(waits: &mut Waits, me: Party) -> Option<Found> {
    let Waits { parties, chain } = waits;
    let mine = parties.get(&me)?;
    chain.clear();
    let mut chain = Chain {
        holds: chain,
        doubts: 0,
    };
    leads_back(parties, me, mine.want, &mut chain).then(|| Found {
        report: tell(parties, me, chain.holds),
        is_sure: chain.doubts == 0,
        waits: chain
            .holds
            .iter()
            .filter_map(|hold| parties.get(&hold.party))
            .map(|wait| wait.number)
            .collect(),
    })
}

/// Whether `me` is waited for by those who hold what is wanted; then `chain` has those in between.
fn leads_back(parties: &Parties, me: Party, want: Want, chain: &mut Chain<'_>) -> bool {
    // Copied, so that no two shards are locked at once. A single holder takes no memory.
    let holders = shard(want.lock)
        .lock()
        .get(&want.lock)
        .map(|holds| (holds.first, holds.more.clone(), holds.is_shared));
    let Some((first, more, is_shared)) = holders else {
        return false;
    };
    let is_doubtful = want.reads && is_shared;
    if is_doubtful && !is_wanted_alone(parties, want.lock) {
        // What keeps it out is a writer that goes away by itself.
        return false;
    }
    for holder in std::iter::once(first).chain(more) {
        if chain.holds.iter().any(|seen| seen.party == holder.party) {
            continue;
        }
        chain.holds.push(holder);
        chain.doubts += usize::from(is_doubtful);
        if holder.party == me {
            return true;
        }
        let wait = parties.get(&holder.party).filter(|wait| !wait.is_ending());
        if wait.is_some_and(|wait| leads_back(parties, me, wait.want, chain)) {
            return true;
        }
        chain.holds.pop();
        chain.doubts -= usize::from(is_doubtful);
    }
    false
}

fn is_wanted_alone(parties: &Parties, lock: Lock) -> bool {
    parties
        .values()
        .any(|wait| wait.want.lock == lock && !wait.want.reads && !wait.is_ending())
}

fn tell(parties: &Parties, me: Party, chain: &[Hold]) -> String {
    let mut report = match chain.len() {
        1 => String::from("deadlock: it waits for what it holds itself"),
        parties => format!("deadlock: {parties} wait for each other"),
    };
    let mut waiter = me;
    for holder in chain {
        let Some(wait) = parties.get(&waiter) else {
            break;
        };
        let Wait {
            want: Want { kind, lock, .. },
            site,
            ..
        } = wait;
        report.push_str(&format!(
            "\n  {} waits at {site} for the {kind} {lock:#x}, held by {} since {}",
            describe(parties, waiter),
            describe(parties, holder.party),
            holder.site,
        ));
        waiter = holder.party;
    }
    report
}

fn describe(parties: &Parties, party: Party) -> String {
    let mut text = match party {
        Party::Routine(id) => format!("routine {id}"),
        Party::Thread(number) => format!("thread #{number}"),
    };
    if let Some(name) = parties.get(&party).and_then(Wait::name) {
        text.push_str(&format!(" {name:?}"));
    }
    text
}
