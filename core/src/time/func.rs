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
/// routine only. Once the runtime is shut down `f` is dropped, and does not run.
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
#[track_caller]
pub fn after_func<F>(duration: Duration, f: F) -> FuncTimer
where
    F: Fn() + Send + Sync + 'static,
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

impl<F: Fn() + Send + Sync + 'static> Alarm for Func<F> {
    fn place(&self) -> &Place {
        &self.place
    }

    fn fire(self: Arc<Self>, runtime: &Arc<Shared>) {
        let site = self.site;
        // The routine has this count, so that `f` is dropped there.
        spawn_due(runtime, site, move || (self.f)());
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
    /// The new run may come while an old one goes on.
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
        f.write_str("FuncTimer { .. }")
    }
}
