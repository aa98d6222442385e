//! Functions that run when their time has come.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::sched::Shared;
use crate::sched::alarms::{self, Alarm, Place};
use crate::sched::clock::{self, Nanos};
use crate::spawn::spawn_due;
use crate::wait::instant::Instant;

/// Runs `f` in a routine of its own when `duration` has passed.
///
/// The handle stops it or sets it anew; dropping the handle does neither. The routine runs on the runtime
/// of the routine that calls this; on a plain thread, on the global one. A panic of `f` ends that
/// routine only. Functions that come due at once may start in any order.
///
/// `f` may run again, after a [`reset`](FuncTimer::reset), and a run may overlap with the one before. So it is
/// an `Fn` that is `Sync`: what it changes is in an atomic or behind a lock, and what it gives away, once, is
/// taken out of a `Mutex<Option<T>>`. It is dropped when neither a handle nor a run nor a setting holds it any
/// more: a handle keeps it alive, also when it was stopped, or its runtime has ended. One that is set when its
/// runtime is shut down does not run.
///
/// **Blocks**: never.
///
/// # Panics
/// If the global runtime is needed and cannot be started.
///
/// # Go
/// `time.AfterFunc(d, f)`.
///
/// # Examples
/// ```
/// use rust_routines::{channel, time::{self, Duration}};
///
/// let (tx, rx) = channel::bounded(1);
/// time::after_func(Duration::from_millis(1), move || tx.send("now").unwrap());
/// assert_eq!(rx.recv(), Ok("now"));
/// ```
///
/// A function that gives away what it holds:
/// ```
/// use rust_routines::{channel, time::{self, Duration}};
/// use std::sync::Mutex;
///
/// let (tx, rx) = channel::bounded::<u32>(1);
/// let held = Mutex::new(Some(tx));
/// time::after_func(Duration::from_millis(1), move || drop(held.lock().unwrap().take()));
/// assert!(rx.recv().is_err());
/// ```
#[track_caller]
pub fn after_func<F>(duration: Duration, f: F) -> FuncTimer
where
    F: Fn() + Send + Sync + 'static,
{
    start(duration, move |_: &FuncTimer| f())
}

/// As [`after_func`], for a function that sets itself anew: each run is given the handle.
///
/// A handle of its own inside of `f` would keep `f` alive for ever.
///
/// **Blocks**: never.
///
/// # Panics
/// As [`after_func`].
///
/// # Go
/// `t = time.AfterFunc(d, func() { ...; t.Reset(d) })`.
///
/// # Examples
/// ```
/// use rust_routines::{channel, time::{self, Duration}};
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// const PERIOD: Duration = Duration::from_millis(1);
/// let (tx, rx) = channel::bounded(3);
/// let runs = AtomicU32::new(0);
/// time::after_func_with(PERIOD, move |timer| {
///     let run = runs.fetch_add(1, Ordering::Relaxed);
///     tx.send(run).unwrap();
///     if run < 2 {
///         timer.reset(PERIOD);
///     }
/// });
/// assert_eq!(rx.iter().collect::<Vec<_>>(), [0, 1, 2]);
/// ```
#[track_caller]
pub fn after_func_with<F>(duration: Duration, f: F) -> FuncTimer
where
    F: Fn(&FuncTimer) + Send + Sync + 'static,
{
    start(duration, f)
}

#[inline]
#[track_caller]
fn start<F>(duration: Duration, f: F) -> FuncTimer
where
    F: Fn(&FuncTimer) + Send + Sync + 'static,
{
    let timer = FuncTimer {
        alarm: Arc::new(Func {
            place: Place::here(),
            site: Location::caller(),
            f,
        }),
    };
    timer.reset(duration);
    timer
}

struct Func<F> {
    place: Place,
    site: &'static Location<'static>,
    f: F,
}

impl<F: Fn(&FuncTimer) + Send + Sync + 'static> Alarm for Func<F> {
    fn place(&self) -> &Place {
        &self.place
    }

    fn fire(self: Arc<Self>, runtime: &Arc<Shared>) {
        let site = self.site;
        let timer = FuncTimer {
            alarm: self.clone(),
        };
        // The routine has these counts, so that `f` is dropped there.
        spawn_due(runtime, site, move || (self.f)(&timer));
    }

    fn abandon(self: Arc<Self>) {}
}

/// The handle of a function that runs later; see [`after_func`].
///
/// Its clones are handles of the same timer.
#[derive(Clone)]
pub struct FuncTimer {
    alarm: Arc<dyn Alarm>,
}

impl FuncTimer {
    /// Stops it: `true` if it was set, and so does not run; `false` if it has started, or was stopped before.
    ///
    /// Does not wait for a run that has started.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `t.Stop()`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::time::{self, Duration};
    ///
    /// let timer = time::after_func(Duration::from_secs(3600), || unreachable!());
    /// assert!(timer.stop());
    /// assert!(!timer.stop());
    /// ```
    pub fn stop(&self) -> bool {
        alarms::stop(&*self.alarm)
    }

    /// Sets it anew, also if it has run or was stopped; what [`stop`](FuncTimer::stop) would have returned.
    ///
    /// The new run may come while an old one goes on. If the runtime has been shut down, nothing is set: `false`,
    /// and it does not run.
    ///
    /// **Blocks**: never.
    ///
    /// # Go
    /// `t.Reset(d)`.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::{channel, time::{self, Duration}};
    ///
    /// let (tx, rx) = channel::bounded(2);
    /// let timer = time::after_func(Duration::ZERO, move || tx.send(()).unwrap());
    /// rx.recv().unwrap();
    /// assert!(!timer.reset(Duration::ZERO), "it had run");
    /// rx.recv().unwrap();
    /// ```
    pub fn reset(&self, duration: Duration) -> bool {
        self.set(clock::deadline(duration))
    }

    /// As [`reset`](FuncTimer::reset), for a moment.
    ///
    /// # Go
    /// `t.Reset(time.Until(moment))`.
    pub fn reset_at(&self, moment: Instant) -> bool {
        self.set(moment.nanos())
    }

    fn set(&self, at: Nanos) -> bool {
        // Where nothing runs any more nothing was prevented.
        alarms::set(&self.alarm, at).unwrap_or(false)
    }
}

impl fmt::Debug for FuncTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = alarms::is_set(&*self.alarm);
        f.debug_struct("FuncTimer").field("set", &set).finish()
    }
}
