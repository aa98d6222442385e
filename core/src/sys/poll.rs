//! Waiting for sockets: a selector through mio, and one descriptor through poll(2).
//!
//! mio's own time-outs are whole milliseconds, rounded up. A sleep with a limit therefore waits in
//! `ppoll` for the selector's descriptor to become readable, to the nanosecond, and then collects
//! without waiting: one more system call, made only by a thread that has nothing to do.
//!
//! Edge-triggered: an event says that something has changed since the last one, so it costs no second
//! call to say what is still of interest.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Token};
use parking_lot::Mutex;

/// Events collected in one call.
const BATCH: usize = 512;
const WAKER: Token = Token(usize::MAX);

pub(crate) struct Selector {
    collector: Mutex<Collector>,
    registry: Registry,
    waker: Waker,
    fd: RawFd,
}

struct Collector {
    poll: Poll,
    events: Events,
}

/// Ends the wait of a selector; from any thread.
#[derive(Clone)]
pub(crate) struct Waker(Arc<mio::Waker>);

/// What a socket may be waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wish {
    /// Connections to accept.
    Read,
    Both,
}

/// What happened to one socket.
pub(crate) struct Happening {
    pub(crate) key: usize,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The other side will send no more, there was an error, or urgent data: a short read does not
    /// mean that there will be another edge.
    pub(crate) over: bool,
}

impl Selector {
    pub(crate) fn new() -> io::Result<Selector> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let waker = Waker(Arc::new(mio::Waker::new(&registry, WAKER)?));
        Ok(Selector {
            fd: poll.as_raw_fd(),
            collector: Mutex::new(Collector {
                poll,
                events: Events::with_capacity(BATCH),
            }),
            registry,
            waker,
        })
    }

    pub(crate) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Reports what happens to `fd` from now on, and what has happened already.
    pub(crate) fn add(&self, fd: RawFd, key: usize, wish: Wish) -> io::Result<()> {
        let interest = match wish {
            Wish::Read => Interest::READABLE,
            Wish::Both => Interest::READABLE | Interest::WRITABLE | Interest::PRIORITY,
        };
        self.registry
            .register(&mut SourceFd(&fd), Token(key), interest)
    }

    pub(crate) fn remove(&self, fd: RawFd) -> io::Result<()> {
        self.registry.deregister(&mut SourceFd(&fd))
    }

    /// Waits until something has happened, it is woken or `limit` has passed (`None`: never), and
    /// reports what has happened. May return early.
    pub(crate) fn wait(
        &self,
        limit: Option<Duration>,
        mut each: impl FnMut(Happening),
    ) -> io::Result<()> {
        let limit = match limit {
            Some(limit) if !limit.is_zero() => {
                match wait_for(self.fd, libc::POLLIN, Some(limit)) {
                    Ok(()) => Some(Duration::ZERO),
                    // No descriptor may be polled (a limit of none, set later): then to the millisecond.
                    Err(_) => Some(limit),
                }
            }
            other => other,
        };
        let mut collector = self.collector.lock();
        let Collector { poll, events } = &mut *collector;
        match poll.poll(events, limit) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        for event in events.iter().filter(|event| event.token() != WAKER) {
            // Urgent data: a read stops before it, although there is more.
            let over = event.is_read_closed() || event.is_error() || event.is_priority();
            each(Happening {
                key: event.token().0,
                readable: event.is_readable() || over,
                writable: event.is_writable() || event.is_write_closed() || event.is_error(),
                over,
            });
        }
        Ok(())
    }
}

impl Waker {
    pub(crate) fn wake(&self) {
        // An eventfd refuses a write only when its count is full, and then it is readable already.
        if let Err(error) = self.0.wake() {
            debug_assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
        }
    }
}

/// Blocks the thread until `fd` is ready for `events` (or broken), or until `limit` has passed; may
/// return early.
pub(crate) fn wait_for(
    fd: RawFd,
    events: libc::c_short,
    limit: Option<Duration>,
) -> io::Result<()> {
    let mut entry = libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    let limit = limit.map(|limit| libc::timespec {
        tv_sec: limit.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    });
    let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: one entry and a time that live through the call; no signal mask.
    let result = unsafe { libc::ppoll(&raw mut entry, 1, limit, std::ptr::null()) };
    if result < 0 {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    Ok(())
}
