//! A descriptor that routines and threads wait for: try the call, wait only if it would block.
//!
//! ```text
//! 1 enter the gate                     (closed: an error; else the descriptor stays open until we leave)
//! 2 take the turn of the side          (one at a time waits for an edge, the others stand in line)
//! 3 take the signal, make the call     (an edge during the call is signalled after 3, and seen in 5)
//! 4 it would block: attach the port to the poller of this home
//! 5 register for the signal and park; signalled already: go to 3
//! ```
//!
//! A read that gives less than it was asked for has emptied the socket: an edge will tell when there
//! is more, so the call that would find nothing is left out next time (`drained`). That holds because
//! the signal was taken before the call, and unless the other side has closed (`Port::is_over`): its
//! edge may have come together with the last bytes. Writes likewise.
//!
//! A plain thread waits in poll(2) on the descriptor itself, whatever pollers do.
//!
//! Invariants:
//! - I1: the socket is used inside of the gate only, and dropped once, by the one whom the gate tells
//!   to finish.
//! - I2: `drained` is used by the holder of the side's turn only.

use std::cell::UnsafeCell;
use std::io;
use std::mem::ManuallyDrop;
use std::net::Shutdown;
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use super::error::{closed, timed_out};
use crate::control::{Body, Outcome, Reason, Unlink};
use crate::driver::port::Port;
use crate::prim::{AtomicBool, AtomicI64, Ordering};
use crate::queue::event::Event;
use crate::queue::gate::{Closing, Gate};
use crate::sched::clock::{self, Nanos};
use crate::sched::{Core, forbid, limit, park, sockets, with_core};
use crate::sys::poll::{self, Wish};
use crate::wait::turn::{Held, Turn};

/// How late a plain thread that pauses sees a close.
const CLOSE_SEEN: Duration = Duration::from_millis(20);

/// What a call waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Read,
    Write,
}

/// What a result says of the next call.
pub(crate) enum Left {
    /// The end: the other side sends no more. Also what a call sees that is overtaken by a close.
    End,
    /// Nothing to be had before the next edge.
    Nothing,
    /// There may be more.
    Unknown,
}

pub(crate) struct Descriptor<S: AsFd> {
    gate: Gate,
    /// I1.
    socket: UnsafeCell<ManuallyDrop<S>>,
    port: Arc<Port>,
    read: Lane,
    write: Lane,
}

/// One direction.
struct Lane {
    turn: Turn,
    /// I2: the last call has left nothing to be had before the next edge.
    drained: AtomicBool,
    /// Nanoseconds; 0 is no limit.
    timeout: AtomicI64,
}

// SAFETY: the socket is shared by reference and dropped by any thread, hence the bounds; everything
// else is atomic or locked.
unsafe impl<S: AsFd + Send + Sync> Sync for Descriptor<S> {}
// SAFETY: as above.
unsafe impl<S: AsFd + Send + Sync> Send for Descriptor<S> {}

/// Keeps the socket open.
pub(crate) struct Inside<'a, S: AsFd>(&'a Descriptor<S>);

impl Lane {
    const fn new() -> Lane {
        Lane {
            turn: Turn::new(),
            drained: AtomicBool::new(false),
            timeout: AtomicI64::new(0),
        }
    }

    fn deadline(&self) -> Option<Nanos> {
        match self.timeout.load(Ordering::Relaxed) {
            0 => None,
            timeout => Some(clock::now().saturating_add(timeout)),
        }
    }
}

impl<S: AsFd> Descriptor<S> {
    /// `socket` does not block.
    pub(crate) fn new(socket: S, wish: Wish) -> Descriptor<S> {
        Descriptor {
            gate: Gate::new(),
            socket: UnsafeCell::new(ManuallyDrop::new(socket)),
            port: Arc::new(Port::new(wish)),
            read: Lane::new(),
            write: Lane::new(),
        }
    }

    /// The socket, which stays open until the guard is dropped.
    #[inline]
    pub(crate) fn enter(&self) -> io::Result<Inside<'_, S>> {
        if self.gate.enter() {
            Ok(Inside(self))
        } else {
            Err(closed())
        }
    }

    /// Makes the call, when it would not block.
    ///
    /// `left` says what its result tells of the next call.
    #[inline]
    pub(crate) fn call<R>(
        &self,
        side: Side,
        mut op: impl FnMut(&S) -> io::Result<R>,
        left: impl FnOnce(&R) -> Left,
    ) -> io::Result<R> {
        park::raise_if_due_here();
        let result = self.call_in_turn(side, &mut op, left);
        park::note_call();
        result
    }

    /// Until the call has been made; leaves gate and turn before the routine may give way to others.
    #[inline]
    fn call_in_turn<R>(
        &self,
        side: Side,
        op: &mut impl FnMut(&S) -> io::Result<R>,
        left: impl FnOnce(&R) -> Left,
    ) -> io::Result<R> {
        let socket = self.enter()?;
        let lane = self.lane(side);
        let mut deadline = None;
        let _turn = match lane.turn.try_take() {
            Some(turn) => turn,
            None => self.wait_for_turn(lane, &mut deadline)?,
        };
        let event = self.event(side);
        let mut in_time = true;
        loop {
            if !lane.drained.load(Ordering::Relaxed) || event.is_set() {
                event.take();
                // Whatever comes of this call: only a short one says anything about the next.
                lane.drained.store(false, Ordering::Relaxed);
                match op(&socket) {
                    Ok(result) => match left(&result) {
                        Left::End if self.gate.is_closed() => return Err(closed()),
                        Left::Nothing if !self.port.is_over() => {
                            lane.drained.store(true, Ordering::Relaxed);
                            return Ok(result);
                        }
                        _ => return Ok(result),
                    },
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    // A close in the middle of the call looks like one of the other side's.
                    Err(_) if self.gate.is_closed() => return Err(closed()),
                    Err(error) => return Err(error),
                }
            }
            if !in_time {
                return Err(timed_out());
            }
            // What came before the deadline is given, although nobody may have looked until now.
            in_time = self.wait(side, &mut deadline)?;
        }
    }

    #[cold]
    fn wait_for_turn<'a>(
        &self,
        lane: &'a Lane,
        deadline: &mut Option<Nanos>,
    ) -> io::Result<Held<'a>> {
        *deadline = lane.deadline();
        let turn = lane.turn.take(Reason::IoTurn, *deadline);
        if self.gate.is_closed() {
            return Err(closed());
        }
        turn.ok_or_else(timed_out)
    }

    /// Steps 4 and 5; `false`: the deadline has passed.
    #[cold]
    #[inline(never)]
    fn wait(&self, side: Side, deadline: &mut Option<Nanos>) -> io::Result<bool> {
        let lane = self.lane(side);
        // Whatever comes of this wait, the next call asks the system.
        let was_drained = lane.drained.load(Ordering::Relaxed);
        lane.drained.store(false, Ordering::Relaxed);
        if deadline.is_none() {
            *deadline = lane.deadline();
        }
        forbid::check();
        if self.gate.is_closed() {
            // The signal of a close may have been taken for one of the socket.
            return Err(closed());
        }
        let fd = self.raw();
        let here = with_core(|core| {
            let core = core?;
            let body = core.current()?;
            Some((core.poller(), body))
        });
        let outcome = match here {
            // The edge may have come to a worker that is busy and has not looked: one try is cheap.
            Some((poller, _)) if was_drained && !self.port.is_at(poller.as_ref().ok().copied()) => {
                return Ok(true);
            }
            Some((poller, body)) => {
                self.port.attach(fd, poller?)?;
                wait_here(self.event(side), body, *deadline)
            }
            None => wait_on_thread(fd, side, *deadline)?,
        };
        match outcome {
            Outcome::Cancelled => park::raise(),
            _ if self.gate.is_closed() => Err(closed()),
            Outcome::Woken => Ok(true),
            Outcome::TimedOut => Ok(false),
        }
    }

    /// Lets `length` pass, unless it is closed: then an error.
    pub(crate) fn pause(&self, side: Side, length: Duration) -> io::Result<()> {
        let _socket = self.enter()?;
        let deadline = Some(clock::deadline(length));
        let Some(body) = with_core(|core| core.and_then(Core::current)) else {
            return self.pause_thread(deadline);
        };
        forbid::check();
        let lane = self.lane(side);
        let _turn = match lane.turn.try_take() {
            Some(turn) => turn,
            None => self.wait_for_turn(lane, &mut None)?,
        };
        loop {
            // Edges say nothing here: the next call tries anyway. So no poller has to watch, which
            // might need a descriptor; a close signals by itself.
            self.event(side).take();
            if self.gate.is_closed() {
                return Err(closed());
            }
            match wait_here(self.event(side), body, deadline) {
                Outcome::Woken => {}
                Outcome::TimedOut => return Ok(()),
                Outcome::Cancelled => park::raise(),
            }
        }
    }

    /// For a plain thread every pending connection would end a wait in poll(2) at once.
    fn pause_thread(&self, deadline: Option<Nanos>) -> io::Result<()> {
        loop {
            park::raise_if_due_here();
            let left = deadline.map_or(Duration::ZERO, clock::until);
            if left.is_zero() || self.gate.is_closed() {
                return self.enter().map(drop);
            }
            std::thread::sleep(left.min(CLOSE_SEEN));
        }
    }

    /// Closes it for all who share it: wakes who waits, with an error. The descriptor itself is
    /// closed when the last of them has left.
    pub(crate) fn close(&self) -> io::Result<()> {
        let socket = self.enter()?;
        let others = match self.gate.close() {
            Closing::Before => return Err(closed()),
            Closing::Empty => unreachable!("we are inside"),
            Closing::Later { users } => users > 1,
        };
        self.port.signal(true, true, &mut sockets::wake);
        if others {
            // Threads in poll(2) do not see our signal. A listener stops listening at once. It fails
            // if there is no connection: then nobody waits for its bytes.
            let _not_connected = socket2::SockRef::from(&*socket).shutdown(Shutdown::Both);
        }
        Ok(())
    }

    pub(crate) fn set_timeout(&self, side: Side, timeout: Option<Duration>) -> io::Result<()> {
        let nanos = match timeout {
            None => 0,
            Some(Duration::ZERO) => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "a timeout of zero would end every call at once: give None for no limit",
                ));
            }
            Some(timeout) => Nanos::try_from(timeout.as_nanos()).unwrap_or(Nanos::MAX),
        };
        self.lane(side).timeout.store(nanos, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn timeout(&self, side: Side) -> Option<Duration> {
        match self.lane(side).timeout.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos.unsigned_abs())),
        }
    }

    #[inline]
    fn lane(&self, side: Side) -> &Lane {
        match side {
            Side::Read => &self.read,
            Side::Write => &self.write,
        }
    }

    #[inline]
    fn event(&self, side: Side) -> &Event {
        match side {
            Side::Read => &self.port.read,
            Side::Write => &self.port.write,
        }
    }

    /// Inside of the gate.
    fn raw(&self) -> RawFd {
        // SAFETY: I1: the callers are inside, or finish.
        unsafe { (*self.socket.get()).as_fd().as_raw_fd() }
    }

    /// After the last has left.
    #[cold]
    fn finish(&self) {
        self.port.detach(self.raw());
        // SAFETY: I1: nobody is inside, nobody enters, and the gate says this once.
        unsafe { ManuallyDrop::drop(&mut *self.socket.get()) };
    }
}

impl<S: AsFd> Deref for Inside<'_, S> {
    type Target = S;

    #[inline]
    fn deref(&self) -> &S {
        // SAFETY: I1: we are inside.
        unsafe { &*self.0.socket.get() }
    }
}

impl<S: AsFd> Drop for Inside<'_, S> {
    #[inline]
    fn drop(&mut self) {
        if self.0.gate.leave() {
            self.0.finish();
        }
    }
}

impl<S: AsFd> Drop for Descriptor<S> {
    fn drop(&mut self) {
        if self.gate.close() == Closing::Empty {
            self.finish();
        }
    }
}

/// A wait of a routine for an edge.
struct Wait<'a> {
    event: &'a Event,
    body: NonNull<Body>,
}

impl Unlink for Wait<'_> {
    fn unlink(&self) -> bool {
        self.event.withdraw(self.body.cast())
    }
}

/// Step 5: parks the current routine until there was an edge.
fn wait_here(event: &Event, body: NonNull<Body>, deadline: Option<Nanos>) -> Outcome {
    if !event.register(body.cast()) {
        return Outcome::Woken;
    }
    let wait = Wait { event, body };
    let unlink: NonNull<dyn Unlink + '_> = NonNull::from(&wait);
    // SAFETY: only the lifetime is erased: the wait ends before this function does.
    let unlink =
        unsafe { std::mem::transmute::<NonNull<dyn Unlink + '_>, NonNull<dyn Unlink>>(unlink) };
    with_core(|core| {
        let core = core.expect("a routine runs on a worker");
        // SAFETY: registered just now; `Wait` withdraws this very routine.
        unsafe { core.wait(body, unlink, Reason::IoWait, deadline) }
    })
}

#[cold]
fn wait_on_thread(fd: RawFd, side: Side, deadline: Option<Nanos>) -> io::Result<Outcome> {
    let events = match side {
        Side::Read => libc::POLLIN | libc::POLLRDHUP,
        Side::Write => libc::POLLOUT,
    };
    let own = deadline.unwrap_or(Nanos::MAX);
    let limit = limit::on_thread().unwrap_or(Nanos::MAX);
    let until = own.min(limit);
    let left = (until != Nanos::MAX).then(|| clock::until(until));
    Ok(match left {
        Some(left) if left.is_zero() && limit < own => Outcome::Cancelled,
        Some(left) if left.is_zero() => Outcome::TimedOut,
        left => {
            poll::wait_for(fd, events, left)?;
            Outcome::Woken
        }
    })
}
