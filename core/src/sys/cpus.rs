//! How many workers pay off here: Go's formula.
//!
//! CPUs in the affinity mask, capped by the cgroup's CPU quota rounded up, and at least 2 if the
//! quota is a fraction (a worker that is throttled in the middle of a slice should not be the only
//! one). `std::thread::available_parallelism` rounds the quota down; `num_cpus` rounds up but lets
//! 0.5 CPUs be 1. `num_cpus` counts where there are no cgroups.

use std::cell::Cell;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The default number of workers.
pub(crate) fn available() -> usize {
    workers_for(affinity(), quota())
}

fn workers_for(cpus: usize, quota: Option<f64>) -> usize {
    let Some(quota) = quota else {
        return cpus.max(1);
    };
    let mut limit = quota.ceil() as usize;
    if quota.fract() != 0.0 {
        limit = limit.max(2);
    }
    cpus.min(limit).max(1)
}

#[cfg(target_os = "linux")]
fn affinity() -> usize {
    match Mask::allowed() {
        Ok(mask) => mask.count(),
        Err(_) => num_cpus::get(),
    }
}

#[cfg(not(target_os = "linux"))]
fn affinity() -> usize {
    num_cpus::get()
}

/// The CPU that the calling thread runs on just now, if the system tells.
#[cfg(target_os = "linux")]
pub(crate) fn current() -> Option<usize> {
    // SAFETY: a question without side effects.
    usize::try_from(unsafe { libc::sched_getcpu() }).ok()
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn current() -> Option<usize> {
    None
}

/// Moves the calling thread to another CPU than `cpu`, if it may run on one; its affinity is what
/// it was before.
#[cfg(target_os = "linux")]
pub(crate) fn leave(cpu: usize) {
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: an all-zero cpu_set_t is an empty set; the calls read and write at most its size, and
    // concern the calling thread only.
    unsafe {
        let mut before: libc::cpu_set_t = std::mem::zeroed();
        if libc::sched_getaffinity(0, size, &mut before) != 0 {
            return;
        }
        let mut others = before;
        if cpu < libc::CPU_SETSIZE as usize {
            libc::CPU_CLR(cpu, &mut others);
        }
        // The kernel moves the thread when the mask excludes its CPU, and leaves it there when the
        // old mask comes back. A refusal leaves everything as it was.
        if libc::CPU_COUNT(&others) > 0 && libc::sched_setaffinity(0, size, &others) == 0 {
            libc::sched_setaffinity(0, size, &before);
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn leave(_cpu: usize) {}

/// CPUs that a thread may run on.
#[cfg(target_os = "linux")]
#[derive(Clone, Copy)]
pub(crate) struct Mask(libc::cpu_set_t);

#[cfg(not(target_os = "linux"))]
#[derive(Clone, Copy)]
pub(crate) struct Mask;

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries((0..Mask::MOST).filter(|&cpu| self.contains(cpu)))
            .finish()
    }
}

#[cfg(target_os = "linux")]
impl Mask {
    /// Numbers of CPUs are smaller.
    const MOST: usize = libc::CPU_SETSIZE as usize;

    /// That of the calling thread.
    fn here() -> io::Result<Mask> {
        // SAFETY: an all-zero cpu_set_t is an empty set, and the call writes at most its size.
        unsafe {
            let mut set: libc::cpu_set_t = std::mem::zeroed();
            match libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) {
                0 => Ok(Mask(set)),
                _ => Err(io::Error::last_os_error()),
            }
        }
    }

    /// How many.
    fn count(&self) -> usize {
        // SAFETY: reads the set.
        unsafe { libc::CPU_COUNT(&self.0) as usize }
    }

    fn contains(&self, cpu: usize) -> bool {
        // SAFETY: the number was compared with the size of the set.
        cpu < Mask::MOST && unsafe { libc::CPU_ISSET(cpu, &self.0) }
    }

    /// One CPU, which `here` contains.
    fn of(cpu: usize) -> Mask {
        // SAFETY: an all-zero cpu_set_t is an empty set; the number is one of a set.
        unsafe {
            let mut set: libc::cpu_set_t = std::mem::zeroed();
            libc::CPU_SET(cpu, &mut set);
            Mask(set)
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Mask {
    const MOST: usize = 0;

    fn here() -> io::Result<Mask> {
        let text = "this system does not bind threads to CPUs";
        Err(io::Error::new(io::ErrorKind::Unsupported, text))
    }

    fn contains(&self, _cpu: usize) -> bool {
        false
    }

    fn of(_cpu: usize) -> Mask {
        Mask
    }
}

impl Mask {
    /// Where the calling thread may run, or might before a runtime has bound it.
    fn allowed() -> io::Result<Mask> {
        BEFORE.get().map_or_else(Mask::here, Ok)
    }
}

thread_local! {
    static BEFORE: Cell<Option<Mask>> = const { Cell::new(None) };
}

/// If the calling thread has been bound to a CPU: where it might run before. New threads inherit the one CPU; those of
/// another runtime, which a routine builds, uses first, or has start a thread, are to have this instead.
pub(crate) fn before_pin() -> Option<Mask> {
    BEFORE.get()
}

/// Binds the calling thread for good.
pub(crate) fn pin(mask: &Mask, before: Mask) -> io::Result<()> {
    bind(mask)?;
    BEFORE.set(Some(before));
    Ok(())
}

/// Lets the calling thread run on these CPUs only.
#[cfg(target_os = "linux")]
pub(crate) fn bind(mask: &Mask) -> io::Result<()> {
    // SAFETY: reads a set of this size, and concerns the calling thread only.
    match unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &mask.0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn bind(_mask: &Mask) -> io::Result<()> {
    Ok(())
}

/// Which CPU each worker of a runtime is bound to.
#[derive(Clone, Debug)]
pub(crate) struct Pins {
    cpus: Vec<usize>,
    /// For threads that are not bound: what the one was allowed that has built the runtime, before it was bound.
    pub(crate) others: Mask,
}

impl Pins {
    /// # Errors
    /// `InvalidInput` for no CPU, or one that the calling thread may not use; `Unsupported` if the system cannot
    /// bind threads.
    pub(crate) fn new(cpus: Vec<usize>) -> io::Result<Pins> {
        let others = Mask::allowed()?;
        let problem = match cpus.iter().find(|&&cpu| !others.contains(cpu)) {
            Some(cpu) => {
                format!("workers cannot be bound to CPU {cpu}: allowed here are {others:?}")
            }
            None if cpus.is_empty() => "workers cannot be bound to none: name a CPU".to_string(),
            None => return Ok(Pins { cpus, others }),
        };
        Err(io::Error::new(io::ErrorKind::InvalidInput, problem))
    }

    /// The CPU of a worker; they take turns if there are more workers than CPUs.
    pub(crate) fn of(&self, worker: usize) -> Mask {
        Mask::of(self.cpus[worker % self.cpus.len()])
    }
}

/// The tightest quota on the way from this process's cgroup to the root, in CPUs.
fn quota() -> Option<f64> {
    let membership = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mut tightest: Option<f64> = None;
    for dir in cgroup_dirs(&membership) {
        let mut level: Option<&Path> = Some(&dir);
        while let Some(at) = level.filter(|at| at.starts_with("/sys/fs/cgroup")) {
            if let Some(found) = quota_in(at) {
                tightest = Some(tightest.map_or(found, |t| t.min(found)));
            }
            level = at.parent();
        }
    }
    tightest
}

/// Where the CPU controller's files of this process may be, for version 2 and version 1.
fn cgroup_dirs(membership: &str) -> Vec<PathBuf> {
    let mut dirs = Vec::new();
    for line in membership.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let path = path.trim_start_matches('/');
        if controllers.is_empty() {
            dirs.push(Path::new("/sys/fs/cgroup").join(path));
        } else if controllers.split(',').any(|c| c == "cpu") {
            dirs.push(Path::new("/sys/fs/cgroup/cpu").join(path));
            dirs.push(Path::new("/sys/fs/cgroup").join(controllers).join(path));
        }
    }
    dirs
}

fn quota_in(dir: &Path) -> Option<f64> {
    if let Ok(text) = fs::read_to_string(dir.join("cpu.max")) {
        return parse_cpu_max(&text);
    }
    let quota = fs::read_to_string(dir.join("cpu.cfs_quota_us")).ok()?;
    let period = fs::read_to_string(dir.join("cpu.cfs_period_us")).ok()?;
    parse_cpu_max(&format!("{} {}", quota.trim(), period.trim()))
}

/// `QUOTA PERIOD` in microseconds; `max` or a negative quota means none.
fn parse_cpu_max(text: &str) -> Option<f64> {
    let mut fields = text.split_whitespace();
    let quota: f64 = fields.next()?.parse().ok()?;
    let period: f64 = fields.next()?.parse().ok()?;
    (quota > 0.0 && period > 0.0).then_some(quota / period)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quota_rounds_up_and_fractions_give_two() {
        assert_eq!(workers_for(8, None), 8);
        assert_eq!(workers_for(8, Some(3.2)), 4);
        assert_eq!(workers_for(8, Some(0.5)), 2);
        assert_eq!(workers_for(8, Some(1.0)), 1);
        assert_eq!(
            workers_for(1, Some(0.5)),
            1,
            "never more than the CPUs there are"
        );
        assert_eq!(workers_for(2, Some(64.0)), 2);
    }

    #[test]
    fn cpu_max_is_read() {
        assert_eq!(parse_cpu_max("max 100000\n"), None);
        assert_eq!(parse_cpu_max("150000 100000\n"), Some(1.5));
        assert_eq!(parse_cpu_max("-1 100000"), None);
        assert_eq!(parse_cpu_max(""), None);
    }

    #[test]
    fn both_cgroup_versions_are_found() {
        let dirs = cgroup_dirs("4:cpu,cpuacct:/a/b\n0::/c\n");
        assert!(dirs.contains(&PathBuf::from("/sys/fs/cgroup/cpu/a/b")));
        assert!(dirs.contains(&PathBuf::from("/sys/fs/cgroup/cpu,cpuacct/a/b")));
        assert!(dirs.contains(&PathBuf::from("/sys/fs/cgroup/c")));
    }

    #[test]
    fn leaving_a_cpu_keeps_the_affinity() {
        let before = affinity();
        if let Some(cpu) = current() {
            leave(cpu);
        }
        assert_eq!(affinity(), before);
    }

    #[test]
    fn here_there_is_at_least_one() {
        assert!(available() >= 1);
    }
}
