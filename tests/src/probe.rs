//! What the system says about a process: threads, descriptors, mappings, memory, CPU time.
//!
//! All from `/proc`: it is there without any privilege, and counts what the process cannot.

use std::fs;
use std::path::{Path, PathBuf};

/// A process, seen through `/proc`.
#[derive(Clone, Debug)]
pub struct Process {
    root: PathBuf,
}

/// What its threads have used so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Nanoseconds on a CPU.
    pub cpu_nanos: u64,
    /// How often a thread went to sleep; each time something had woken it before.
    pub sleeps: u64,
    /// How often a thread was kept from its CPU by others.
    pub interruptions: u64,
}

impl Usage {
    /// What has been used since `before`.
    pub fn since(self, before: Usage) -> Usage {
        Usage {
            cpu_nanos: self.cpu_nanos - before.cpu_nanos,
            sleeps: self.sleeps - before.sleeps,
            interruptions: self.interruptions - before.interruptions,
        }
    }
}

impl Process {
    /// The calling process.
    pub fn own() -> Process {
        Process {
            root: PathBuf::from("/proc/self"),
        }
    }

    /// A child.
    pub fn of(id: u32) -> Process {
        Process {
            root: PathBuf::from(format!("/proc/{id}")),
        }
    }

    /// How many threads it has.
    pub fn threads(&self) -> usize {
        entries(&self.root.join("task")).len()
    }

    /// The names of its threads, as cut off by the system after 15 bytes.
    pub fn thread_names(&self) -> Vec<String> {
        entries(&self.root.join("task"))
            .iter()
            // A thread may have ended since its folder was listed.
            .filter_map(|thread| fs::read_to_string(thread.join("comm")).ok())
            .map(|name| name.trim_end().to_string())
            .collect()
    }

    /// How many descriptors it has open; reading them opens one, which counts each time.
    pub fn descriptors(&self) -> usize {
        entries(&self.root.join("fd")).len()
    }

    /// How many mappings it has.
    pub fn mappings(&self) -> usize {
        text(&self.root.join("maps")).lines().count()
    }

    /// Address space in KiB.
    pub fn virtual_kib(&self) -> u64 {
        field(&text(&self.root.join("status")), "VmSize:")
    }

    /// Resident memory in KiB.
    pub fn resident_kib(&self) -> u64 {
        field(&text(&self.root.join("status")), "VmRSS:")
    }

    /// The sum over its threads.
    pub fn usage(&self) -> Usage {
        self.usage_of(|_| true)
    }

    /// The sum over those of its threads whose names are wanted.
    pub fn usage_of(&self, is_wanted: impl Fn(&str) -> bool) -> Usage {
        let mut usage = Usage::default();
        for thread in entries(&self.root.join("task")) {
            if !is_wanted(text(&thread.join("comm")).trim_end()) {
                continue;
            }
            let schedstat = text(&thread.join("schedstat"));
            let nanos = schedstat.split_whitespace().next();
            usage.cpu_nanos += nanos
                .and_then(|nanos| nanos.parse::<u64>().ok())
                .expect("schedstat starts with nanoseconds");
            let status = text(&thread.join("status"));
            usage.sleeps += field(&status, "voluntary_ctxt_switches:");
            usage.interruptions += field(&status, "nonvoluntary_ctxt_switches:");
        }
        usage
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries.flatten().map(|entry| entry.path()).collect()
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The number after `name` at the start of a line.
fn field(status: &str, name: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("no number after {name} in {status}"))
}
