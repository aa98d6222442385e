//! How much of the machine others use while we measure. A ratio of alternating rounds survives a slow machine, but not
//! one on which somebody else compiles: then two workers share what one of them was to have.

use std::fs;

/// What the machine's CPUs and our own processes have done up to one moment, in ticks of `/proc`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// All CPUs, idle or not.
    all: f64,
    /// All CPUs, not idle: whoever used them, other guests of the same host included.
    busy: f64,
    /// This process and those of its children that have ended.
    own: f64,
}

/// More than this share of the machine used by others is worth a remark.
pub(crate) const QUIET: f64 = 0.03;

impl Load {
    /// Up to now; `None` where there is no `/proc`.
    pub(crate) fn now() -> Option<Self> {
        parse(
            &fs::read_to_string("/proc/stat").ok()?,
            &fs::read_to_string("/proc/self/stat").ok()?,
        )
    }

    /// The share of the machine that others have used since `before`.
    pub(crate) fn foreign_since(self, before: Self) -> f64 {
        let (all, busy, own) = (
            self.all - before.all,
            self.busy - before.busy,
            self.own - before.own,
        );
        if all > 0.0 {
            ((busy - own) / all).max(0.0)
        } else {
            0.0
        }
    }
}

fn parse(machine: &str, process: &str) -> Option<Load> {
    let numbers = |text: &str| {
        text.split_whitespace()
            .map_while(|word| word.parse().ok())
            .collect::<Vec<f64>>()
    };
    // user nice system idle iowait irq softirq steal; what follows is contained in user and nice.
    let cpus = numbers(machine.lines().next()?.strip_prefix("cpu ")?);
    let all: f64 = cpus.get(..8)?.iter().sum();
    // The name in parentheses may hold anything; from the state on, utime is the 12th word and stime, cutime, cstime follow.
    let words = process
        .rsplit_once(')')?
        .1
        .split_once(|c: char| c.is_ascii_alphabetic())?
        .1;
    let own = numbers(words).get(10..14)?.iter().sum();
    Some(Load {
        all,
        busy: all - cpus[3] - cpus[4],
        own,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_others_is_what_we_have_not_used() {
        let process = |own: u64| format!("7 (a) b) R 1 2 3 4 5 6 7 8 9 10 {own} 1 1 1 20 0 1");
        let before =
            parse("cpu  100 0 0 900 0 0 0 0 5 5\ncpu0 1", &process(10)).expect("well-formed");
        let after =
            parse("cpu  160 0 20 1010 10 0 0 0 9 9\ncpu0 1", &process(60)).expect("well-formed");
        // 200 ticks in all, 80 of them busy, 50 of those ours.
        assert_eq!(after.foreign_since(before), 0.15);
    }

    #[test]
    fn this_machine_can_be_read() {
        if std::path::Path::new("/proc/stat").exists() {
            let now = Load::now().expect("/proc/stat has the documented form");
            assert!(now.all >= now.busy && now.busy >= 0.0, "{now:?}");
        }
    }
}
