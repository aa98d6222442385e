//! What a thread does, asked by another thread of the process.
//!
//! The contract for other systems: a number for each thread, its CPU time, and what it waits for in the
//! kernel, if that is told. Linux tells all of it: a look at the CPU time takes 0.6 us, one at the
//! file `syscall` of a thread 50 us, so that is asked only of a thread whose CPU time stands still.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Cursor, Read, Write};
use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::str;

use super::clock::Nanos;

/// The system's number of a thread; 0 is none.
pub(crate) type Id = u32;

/// What a thread does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Doing {
    /// It runs, or could run and waits for a CPU.
    Running,
    Call {
        number: i64,
    },
    /// It waits for a word in memory to change.
    Futex {
        address: usize,
    },
    /// The system does not tell.
    Unknown,
}

/// Where a thread stands that is in the kernel: its stack pointer and where it goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stance {
    pub(crate) stack: usize,
    pub(crate) code: usize,
}

/// The thread that asks.
pub(crate) fn current() -> Id {
    // SAFETY: a question without side effects.
    unsafe { libc::gettid() }.unsigned_abs()
}

/// The CPU time that a thread of this process has used; `None`: there is no such thread any more.
pub(crate) fn cpu_time(id: Id) -> Option<Nanos> {
    /// What `pthread_getcpuclockid` says for a thread; asked by number because its handle may be gone.
    const OF_THREAD: libc::clockid_t = 0b110;
    let clock = (!(id as libc::clockid_t) << 3) | OF_THREAD;
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: writes one time, and refuses numbers of threads that are not this process's.
    if id == 0 || unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: written just now.
    let time = unsafe { time.assume_init() };
    Some(time.tv_sec * 1_000_000_000 + time.tv_nsec)
}

/// What a thread of this process does just now, and where it stands if it is in the kernel. Takes no memory.
pub(crate) fn doing(id: Id) -> (Doing, Option<Stance>) {
    let mut path = Cursor::new([0; 64]);
    let mut text = [0; 256];
    let read = write!(path, "/proc/self/task/{id}/syscall").and_then(|()| {
        let path = &path.get_ref()[..path.position() as usize];
        File::open(OsStr::from_bytes(path))?.read(&mut text)
    });
    let text = read.map_or("", |length| {
        str::from_utf8(&text[..length]).unwrap_or_default()
    });
    parse(text)
}

/// `running`, or the call's number, six arguments, stack pointer and program counter; -1 for a thread that
/// waits in the kernel for something else, such as a page.
fn parse(text: &str) -> (Doing, Option<Stance>) {
    let text = text.trim();
    if text == "running" {
        return (Doing::Running, None);
    }
    let hex = |field: &str| usize::from_str_radix(field.strip_prefix("0x")?, 16).ok();
    let mut fields = text.split_whitespace();
    let number = fields.next().and_then(|first| first.parse::<i64>().ok());
    let first = fields.clone().next().and_then(hex);
    let code = fields.next_back().and_then(hex);
    let stack = fields.next_back().and_then(hex);
    let stance = stack.zip(code).map(|(stack, code)| Stance { stack, code });
    let doing = match (number, first) {
        (Some(libc::SYS_futex), Some(address)) => Doing::Futex { address },
        (Some(number), _) if number >= 0 => Doing::Call { number },
        _ => Doing::Unknown,
    };
    (doing, stance)
}

macro_rules! names {
    ($($name:ident)*) => {
        &[$((stringify!($name), libc::$name)),*]
    };
}

/// The calls in which programs are met asleep.
const CALLS: &[(&str, libc::c_long)] = names!(
    SYS_read SYS_write SYS_readv SYS_writev SYS_pread64 SYS_pwrite64 SYS_openat SYS_close SYS_fsync
    SYS_fdatasync SYS_sync SYS_ftruncate SYS_fallocate SYS_flock SYS_fcntl SYS_ioctl SYS_getdents64
    SYS_unlinkat SYS_renameat2 SYS_mkdirat SYS_statx SYS_copy_file_range SYS_sendfile SYS_splice
    SYS_nanosleep SYS_clock_nanosleep SYS_pselect6 SYS_ppoll SYS_epoll_pwait SYS_connect SYS_accept
    SYS_accept4 SYS_recvfrom SYS_sendto SYS_recvmsg SYS_sendmsg SYS_wait4 SYS_waitid SYS_rt_sigtimedwait
    SYS_rt_sigsuspend SYS_mmap SYS_munmap SYS_mprotect SYS_madvise SYS_msync SYS_sched_yield SYS_getrandom
    SYS_io_uring_enter SYS_semtimedop SYS_msgrcv SYS_process_vm_readv
);

#[cfg(target_arch = "x86_64")]
const OLD_CALLS: &[(&str, libc::c_long)] =
    names!(SYS_open SYS_poll SYS_select SYS_epoll_wait SYS_pause SYS_stat SYS_unlink SYS_rename);
#[cfg(not(target_arch = "x86_64"))]
const OLD_CALLS: &[(&str, libc::c_long)] = &[];

/// The name of a system call, if it is one in which programs are often met.
pub(crate) fn call_name(number: i64) -> Option<&'static str> {
    let mut all = CALLS.iter().chain(OLD_CALLS);
    let (name, _) = all.find(|(_, of)| *of == number)?;
    name.rsplit_once("SYS_").map(|(_, name)| name)
}

/// Copies what is mapped of `from` into `into`, whatever other threads do there meanwhile; how many bytes.
pub(crate) fn read_memory(from: usize, into: &mut [u8]) -> usize {
    let local = libc::iovec {
        iov_base: into.as_mut_ptr().cast(),
        iov_len: into.len(),
    };
    let remote = libc::iovec {
        iov_base: std::ptr::with_exposed_provenance_mut(from),
        iov_len: into.len(),
    };
    // SAFETY: writes into `into` only. The kernel reads for us, so a bad address is an error and no fault,
    // and a race with whoever writes there is the kernel's, whose copy may be torn.
    let read = unsafe { libc::process_vm_readv(libc::getpid(), &local, 1, &remote, 1, 0) };
    usize::try_from(read).unwrap_or(0)
}

/// Where code stands in this process.
pub(crate) fn code_ranges() -> Vec<Range<usize>> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    maps.lines().filter_map(code_range).collect()
}

fn code_range(line: &str) -> Option<Range<usize>> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    let is_code = rest.as_bytes().get(2) == Some(&b'x');
    is_code.then_some(address(start)?..address(end)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn what_the_system_says_is_read() {
        assert_eq!(parse("running\n"), (Doing::Running, None));
        let line = "230 0x0 0x0 0x7f01 0x7f02 0x0 0x0 0x7ff8 0x7be5\n";
        let stance = Stance {
            stack: 0x7ff8,
            code: 0x7be5,
        };
        assert_eq!(parse(line), (Doing::Call { number: 230 }, Some(stance)));
        let line = format!(
            "{} 0x10 0x80 0x0 0x0 0x0 0x0 0x7ff8 0x7be5",
            libc::SYS_futex
        );
        assert_eq!(parse(&line), (Doing::Futex { address: 0x10 }, Some(stance)));
        assert_eq!(
            parse("-1 0x7ff8 0x7be5"),
            (Doing::Unknown, Some(stance)),
            "it waits for a page"
        );
        assert_eq!(parse(""), (Doing::Unknown, None));
    }

    #[test]
    fn names_are_those_of_the_system() {
        assert_eq!(call_name(libc::SYS_read), Some("read"));
        assert_eq!(
            call_name(libc::SYS_clock_nanosleep),
            Some("clock_nanosleep")
        );
        assert_eq!(call_name(9999), None);
    }

    #[test]
    fn a_thread_that_waits_is_seen_to_wait() {
        let (tx, id) = mpsc::channel();
        let (end, ends) = mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            tx.send(current()).unwrap();
            ends.recv().unwrap_err()
        });
        let id = id.recv().unwrap();
        // It is about to fall asleep.
        while !matches!(doing(id).0, Doing::Futex { .. }) {
            std::thread::yield_now();
        }
        let before = cpu_time(id).unwrap();
        assert_eq!(cpu_time(id), Some(before), "it stands still");
        drop(end);
        thread.join().unwrap();
        // Its number is given up some time after its end.
        while cpu_time(id).is_some() {
            std::thread::yield_now();
        }
        assert!(cpu_time(current()).unwrap() > 0);
    }

    #[test]
    fn memory_is_read_as_far_as_it_is_mapped() {
        let value = 0x1234_5678_u32;
        let mut into = [0; 4];
        let address = (&raw const value).expose_provenance();
        assert_eq!(read_memory(address, &mut into), 4);
        assert_eq!(u32::from_ne_bytes(into), value);
        assert_eq!(read_memory(8, &mut into), 0);
    }

    #[test]
    fn this_code_is_code() {
        let here = this_code_is_code as fn() as usize;
        let ranges = code_ranges();
        assert!(ranges.iter().any(|range| range.contains(&here)));
        let local = 0;
        assert!(
            !ranges
                .iter()
                .any(|range| range.contains(&(&raw const local).addr()))
        );
    }
}
