//! The wheel against a sorted map, and what one call may cost at most.

use std::collections::BTreeMap;

use super::slots::MOST;
use super::*;

#[test]
fn due_ones_come_in_order_and_removed_ones_not() {
    let mut timers = Timers::default();
    timers.insert(20, 1);
    timers.insert(10, 2);
    let gone = timers.insert(10, 3);
    timers.insert(10, 4);
    assert_eq!(timers.remove(gone), Some(3));
    assert_eq!(timers.remove(gone), None);
    let mut pop = |now| timers.pop_due(now);
    assert_eq!(pop(9), None);
    assert_eq!(pop(15), Some(2));
    assert_eq!(pop(15), Some(4));
    assert_eq!(pop(15), None);
    assert_eq!(pop(20), Some(1));
    assert_eq!(timers.next(), Nanos::MAX);
}

struct Random(u64);

impl Random {
    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((u128::from(self.0) * u128::from(below)) >> 64) as u64
    }
}

/// A wheel beside a sorted map of deadlines and numbers.
#[derive(Default)]
struct Both {
    timers: Timers<u64>,
    model: BTreeMap<(Nanos, u64), Key>,
    keys: Vec<(Key, Nanos, u64)>,
    now: Nanos,
    count: u64,
}

/// What one call may move: a slot of each level, one that is split before its time, and a run.
const MOVES: u64 = MOST as u64 * (LEVELS as u64 + 3);

impl Both {
    fn insert(&mut self, at: Nanos) {
        let (number, before) = (self.count, self.timers.nodes.moved);
        self.count += 1;
        let key = self.timers.insert(at, number);
        self.keys.push((key, at, number));
        self.model.insert((at, number), key);
        self.check(before);
        self.check_next();
    }

    fn remove(&mut self, chosen: usize) {
        let (key, at, number) = self.keys.swap_remove(chosen);
        let expected = self.model.remove(&(at, number)).map(|_| number);
        assert_eq!(self.timers.remove(key), expected);
        assert_eq!(self.timers.remove(key), None);
        self.check_next();
    }

    /// Whatever is due, in its order: what was late when it came only has to keep that of coming.
    fn fire(&mut self, now: Nanos) {
        self.now = now;
        let mut last: Option<(Nanos, u64)> = None;
        while let Some(number) = self.pop(now) {
            let at = self.keys.iter().rfind(|key| key.2 == number).unwrap().1;
            assert!(at <= now, "never early");
            self.model.remove(&(at, number)).expect("once");
            assert!(!last.is_some_and(|(last_at, last)| last_at == at && last > number));
            last = Some((at, number));
        }
        assert!(self.model.keys().next().is_none_or(|&(at, _)| at > now));
        self.check_next();
    }

    /// As `fire`, where nothing was late when it came: exactly by deadline and coming.
    fn fire_exactly(&mut self, now: Nanos) {
        self.now = now;
        while let Some(number) = self.pop(now) {
            let ((at, first), _) = self.model.pop_first().expect("nothing is due twice");
            assert!(at <= now, "never early");
            assert_eq!(number, first, "by deadline, then by coming");
        }
        assert!(self.model.keys().next().is_none_or(|&(at, _)| at > now));
        self.check_next();
    }

    fn pop(&mut self, now: Nanos) -> Option<u64> {
        let mut idle = 0;
        loop {
            let before = self.timers.nodes.moved;
            let popped = self.timers.pop_due(now);
            self.check(before);
            if popped.is_some() || self.timers.live == 0 || self.timers.next() > now {
                return popped;
            }
            // A look may find out what the next one has to do.
            idle = if self.timers.nodes.moved == before {
                idle + 1
            } else {
                0
            };
            assert!(idle < 2, "nothing due, and nothing done for that");
        }
    }

    fn check(&self, moved: u64) {
        assert!(
            self.timers.nodes.moved.saturating_sub(moved) <= MOVES,
            "a long look"
        );
        let run = self.timers.run.len();
        assert!(run <= 2 * MOST as usize || self.timers.span == 0, "{run}");
    }

    fn check_next(&self) {
        let next = self
            .model
            .keys()
            .next()
            .map_or(Nanos::MAX, |&(at, _)| at.max(self.now));
        assert!(self.timers.next() <= next, "it would sleep too long");
    }

    fn end(mut self) {
        self.fire(Nanos::MAX);
        assert!(self.model.is_empty());
        assert_eq!(self.timers.next(), Nanos::MAX);
        assert_eq!(self.timers.live, 0);
    }
}

/// A deadline of any size: before the present, equal to others, on the borders of slots, at the end of
/// the clock.
fn any_deadline(random: &mut Random, now: Nanos) -> Nanos {
    let size = random.below(63);
    let away = (random.below(1 << size) >> random.below(20) << (size / 2)) as i64;
    now.saturating_add(away)
        .saturating_sub(random.below(3) as i64)
}

#[test]
fn it_agrees_with_a_sorted_map() {
    for seed in 1_u64..200 {
        let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let mut both = Both::default();
        for _ in 0..400 {
            match random.below(8) {
                0..4 => both.insert(any_deadline(&mut random, both.now)),
                4 | 5 if !both.keys.is_empty() => {
                    let chosen = random.below(both.keys.len() as u64) as usize;
                    both.remove(chosen);
                }
                _ => both.fire(both.now.saturating_add(1 << random.below(40))),
            }
        }
        both.end();
    }
}

/// Crowds in few slots, so that these are split, at all levels, while some go and some come due.
#[test]
fn crowds_agree_with_a_sorted_map() {
    for seed in 1_u64..60 {
        let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let mut both = Both::default();
        let around = 1 << random.below(45);
        for _ in 0..8 {
            let away = random.below(around) as i64;
            let width = 1 << random.below(40);
            for _ in 0..random.below(4 * u64::from(MOST)) {
                // Half of them share a deadline.
                let spread = random.below(2) * random.below(width);
                both.insert(both.now + away + spread as i64);
            }
            for _ in 0..random.below(both.keys.len() as u64 + 1) / 3 {
                let chosen = random.below(both.keys.len() as u64) as usize;
                both.remove(chosen);
            }
            both.fire_exactly(both.now + random.below(around) as i64);
            both.keys
                .retain(|key| both.model.contains_key(&(key.1, key.2)));
        }
        both.fire_exactly(Nanos::MAX - 1);
        assert_eq!(both.timers.live, 0);
    }
}

/// A run that gets long while nobody looks becomes shorter in time; what is late is not sorted at all.
#[test]
fn nothing_is_slow_in_any_order_of_setting() {
    let mut random = Random(11);
    let mut both = Both::default();
    both.fire_exactly(1 << 40);
    let many = 20 * u64::from(MOST);
    for _ in 0..many {
        let at = both.now + random.below(1 << 16) as i64;
        both.insert(at);
    }
    for _ in 0..many {
        // Within a nanosecond too there may be many.
        let at = both.now + random.below(2) as i64;
        both.insert(at);
    }
    both.fire_exactly(both.now + (1 << 20));
    for _ in 0..many {
        let at = both.now - random.below(1 << 40) as i64;
        both.insert(at);
    }
    assert!(both.timers.run.len() <= 2 * MOST as usize);
    let mut numbers = 2 * many..;
    while let Some(number) = both.pop(both.now) {
        assert_eq!(
            Some(number),
            numbers.next(),
            "late ones in the order of coming"
        );
        let key = both.keys[number as usize];
        both.model.remove(&(key.1, number));
    }
    both.end();
}

/// Without removals a look that is asked for is never for nothing.
#[test]
fn next_is_exact_until_something_goes() {
    let mut random = Random(7);
    let mut timers = Timers::default();
    let mut deadlines: Vec<_> = (0..1000).map(|_| random.below(1 << 40) as i64).collect();
    for &at in &deadlines {
        timers.insert(at, ());
    }
    deadlines.sort_unstable();
    for at in deadlines {
        assert_eq!(timers.next(), at);
        assert!(timers.pop_due(at - 1).is_none());
        assert!(timers.pop_due(at).is_some());
    }
}

/// What is set and taken out for ever while nobody looks at the clock stays small, also where
/// deadlines are so short that they belong to the run, and where one that stays is the last.
#[test]
fn what_has_gone_leaves_nothing_behind() {
    let mut timers = Timers::default();
    let stays = timers.insert(TICK_LONG, ());
    let mut others = Vec::new();
    for number in 0..100_000_i64 {
        others.push(timers.insert(number % 10_000, ()));
        if others.len() == 10 {
            let removed = others.drain(..).filter_map(|key| timers.remove(key));
            assert_eq!(removed.count(), 10);
        }
        // One stays in front and one at the end, so only a tidying of all gets rid of those between.
        assert!(timers.run.len() < 500, "{}", timers.run.len());
    }
    assert!(timers.entries.capacity() <= 1024);
    assert!(timers.remove(stays).is_some());
}

const TICK_LONG: Nanos = (1 << shift(TICK)) - 1;

/// Those between one at the front and one at the end of the run.
#[test]
fn what_has_gone_between_others_leaves_nothing_behind() {
    let mut timers = Timers::default();
    timers.insert(0, 0);
    timers.insert(TICK_LONG, 1);
    for number in 0..10_000_i64 {
        let key = timers.insert(1 + number % 1000, 2);
        assert_eq!(timers.remove(key), Some(2));
        assert!(timers.run.len() < 200, "{}", timers.run.len());
    }
    assert_eq!(timers.pop_due(TICK_LONG), Some(0));
    assert_eq!(timers.pop_due(TICK_LONG), Some(1));
}

/// Also while one that lives has come among them.
#[test]
fn the_memory_of_very_many_goes_back() {
    for lives in [false, true] {
        let mut timers = Timers::default();
        let mut keys = Vec::new();
        let mut lived = None;
        for at in 0..100_000 {
            if lives && at == 50_000 {
                lived = Some(timers.insert(1 << 50, -1));
            }
            keys.push(timers.insert(at * 1000, at));
        }
        assert_eq!(timers.remove(keys[7]), Some(7));
        assert!(timers.entries.capacity() >= 100_000 - 1);
        let half = keys.split_off(50_000);
        for key in half.iter().rev() {
            assert!(timers.remove(*key).is_some());
        }
        while timers.next() <= 1 << 40 {
            timers.pop_due(1 << 40);
        }
        let limit = if lives { 2 * 8192 } else { 0 };
        assert!(timers.entries.capacity() <= limit);
        assert!(
            timers.nodes.count() <= 2 * LEVELS,
            "{}",
            timers.nodes.count()
        );
        let key = timers.insert(5, 5);
        assert_eq!(timers.remove(keys[0]), None, "an old key finds nothing");
        assert_eq!(timers.remove(key), Some(5));
        assert_eq!(lived.and_then(|key| timers.remove(key)), lived.map(|_| -1));
    }
}
