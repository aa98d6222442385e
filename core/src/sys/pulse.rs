//! A clock that anyone may start and stop, and that one thread waits for.
//!
//! A timer's descriptor, because a thread that sleeps with a time-out of its own has to be woken to be told of
//! another one: that wake-up, and its falling asleep again, would be paid for by each routine that
//! wakes a resting runtime. To start or stop this takes 0.3 us and wakes nobody.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

pub(crate) struct Pulse {
    timer: OwnedFd,
}

impl Pulse {
    pub(crate) fn new() -> io::Result<Pulse> {
        // SAFETY: makes a descriptor, or fails.
        let fd = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: made just now, and nobody else's.
        let timer = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Pulse { timer })
    }

    /// Beats from now on, first after one `period`.
    pub(crate) fn start(&self, period: Duration) {
        self.set(period, period);
    }

    pub(crate) fn stop(&self) {
        self.set(Duration::ZERO, Duration::ZERO);
    }

    /// Beats once, now.
    pub(crate) fn beat(&self) {
        self.set(Duration::from_nanos(1), Duration::ZERO);
    }

    fn set(&self, first: Duration, every: Duration) {
        let time = |duration: Duration| libc::timespec {
            tv_sec: duration.as_secs().try_into().unwrap_or(libc::time_t::MAX),
            tv_nsec: duration.subsec_nanos().into(),
        };
        let setting = libc::itimerspec {
            it_interval: time(every),
            it_value: time(first),
        };
        // SAFETY: reads `setting`; the old one is not asked for. It refuses what is no timer or no time only.
        let result = unsafe {
            libc::timerfd_settime(self.timer.as_raw_fd(), 0, &setting, std::ptr::null_mut())
        };
        debug_assert_eq!(result, 0, "{}", io::Error::last_os_error());
    }

    /// Sleeps until a beat that has not been waited for; may return early.
    pub(crate) fn wait(&self) {
        let mut beats = 0_u64;
        // SAFETY: writes at most these eight bytes. What can fail is an interruption.
        let read = unsafe {
            libc::read(
                self.timer.as_raw_fd(),
                (&raw mut beats).cast(),
                size_of::<u64>(),
            )
        };
        debug_assert!(
            read == 8 || io::Error::last_os_error().kind() == io::ErrorKind::Interrupted,
            "{}",
            io::Error::last_os_error()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn it_beats_until_it_is_stopped() {
        let pulse = Arc::new(Pulse::new().unwrap());
        pulse.start(Duration::from_millis(1));
        for _ in 0..3 {
            pulse.wait();
        }
        pulse.stop();
        let sleeper = {
            let pulse = pulse.clone();
            std::thread::spawn(move || pulse.wait())
        };
        pulse.beat();
        sleeper.join().unwrap();
    }
}
