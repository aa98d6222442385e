//! Where a new routine goes. Its home is for life, so this is the one moment to decide.

use std::io;
use std::ptr::NonNull;

use super::core::Core;
use super::placement::Target;
use super::shared::{Phase, Shared};
use super::worker::Worker;
use crate::control::{Arrival, Body, Fresh};
use crate::prim::{Ordering, fence};
use crate::sys::{cpus, signal};
use std::sync::Arc;

/// A worker may be preferred if it has at most one part in so many more than the one with the fewest.
const SLACK: usize = 8;

impl Core {
    /// A worker that was hired to stand in may be one of those that were asked for by now, and is bound then.
    #[inline]
    pub(super) fn pin_anew(&self) {
        if self.shared.config.pins.is_some()
            && self.is_bound.get() != (self.number < self.shared.choices())
        {
            self.is_bound.set(self.shared.pin(self.number));
        }
    }

    /// Places a routine that the one running here has spawned.
    #[inline]
    pub(crate) fn place(&self, fresh: Fresh, target: Target) -> Result<(), (io::Error, Fresh)> {
        // Counted before it can run: else its end might be counted first, and a shutdown would see as
        // many finished as spawned while its parent still lives.
        self.worker.stats.spawned.add(1);
        let arrival = self.take_arrival();
        match target {
            Target::Near if self.hands_out_work(arrival) => self.spread(fresh, arrival),
            Target::Near if !self.is_active() => self.shared.inject(fresh),
            Target::Near => self.add_child(fresh),
            Target::Spread => self.spread(fresh, arrival),
            Target::Worker(number) => self.shared.send(fresh, number),
            Target::Own => {
                if let Err(refused) = self.shared.hire_own(fresh) {
                    self.worker.stats.spawned.add(-1);
                    return Err(refused);
                }
            }
        }
        if target == Target::Near {
            self.shared.ring_for_work();
        }
        Ok(())
    }

    /// Spreads from the worker after the last one chosen, so that equals take turns.
    fn spread(&self, fresh: Fresh, arrival: Option<Arrival>) {
        let wish = arrival.flatten().map(|cpu| cpu as usize);
        let chosen = self.shared.spread(fresh, self.spread_from.get(), wish);
        self.spread_from.set(chosen + 1);
    }

    /// The connection that the routine which runs has just taken on, for the next one it spawns.
    #[inline]
    fn take_arrival(&self) -> Option<Arrival> {
        // SAFETY: the current routine's body, on its own thread.
        unsafe { self.current()?.as_ref() }.take_arrival()
    }

    /// Whether the routine that runs was last woken from outside, or has just taken on a connection
    /// (a ticker, an accept loop): its children are likely many, long-lived and one at a time, which
    /// near placement would pile up here, for stealing balances only what has not started.
    #[inline]
    fn hands_out_work(&self, arrival: Option<Arrival>) -> bool {
        let was_external = |body: NonNull<Body>| {
            // SAFETY: the current routine's body, on its own thread.
            unsafe { body.as_ref() }.last_reason().is_external()
        };
        (arrival.is_some() || self.current().is_some_and(was_external))
            && self.shared.roster.active_count() > 1
    }
}

impl Shared {
    /// Binds the calling thread, that of worker `number`, to its CPU. One that is started by a thread that is bound
    /// is bound too, so all others are let loose. Whether it belongs to those that are bound.
    pub(crate) fn pin(&self, number: usize) -> bool {
        let is_numbered = number < self.choices();
        if let Some(pins) = &self.config.pins {
            let bound = match is_numbered {
                true => cpus::pin(&pins.of(number), pins.others),
                false => cpus::bind(&pins.others),
            };
            if let Err(error) = bound {
                let text = format!(
                    "rust-routines: worker {number} of runtime {:?} cannot be bound to its CPU, and \
                     runs on any: {error}\n",
                    self.config.name
                );
                signal::write_stderr(text.as_bytes());
            }
        }
        is_numbered
    }

    /// Places a routine that was spawned outside of this runtime's workers.
    pub(crate) fn place_from_outside(
        self: &Arc<Self>,
        fresh: Fresh,
        target: Target,
    ) -> Result<(), (io::Error, Fresh)> {
        // ORDER: SeqCst, before the look at the phase; pairs with `set_phase`: a shutdown either
        // counts this spawn or is seen here.
        let number = self.outside.spawned.fetch_add(1, Ordering::SeqCst);
        // ORDER: SeqCst; pairs with the fence in `count_down`.
        fence(Ordering::SeqCst);
        let placed = match target {
            _ if self.phase() != Phase::Running => Err((
                io::Error::other(
                    "the runtime is shut down: spawn before `shutdown`, or on another runtime",
                ),
                fresh,
            )),
            Target::Near => {
                self.inject(fresh);
                self.ring_for_work();
                Ok(())
            }
            Target::Spread => {
                self.spread(fresh, number as usize, None);
                Ok(())
            }
            Target::Worker(number) => {
                self.send(fresh, number);
                Ok(())
            }
            Target::Own => self.hire_own(fresh),
        };
        if placed.is_err() {
            // ORDER: SeqCst, one order with the count above.
            self.outside.refused.fetch_add(1, Ordering::SeqCst);
        }
        placed
    }

    /// A worker that was last seen on `cpu` and has at most `most` live routines.
    fn worker_on(&self, cpu: usize, most: usize) -> Option<usize> {
        self.roster.iter().position(|worker| {
            worker.stats.cpu.load(Ordering::Relaxed) == cpu + 1
                && worker.takes_spread()
                && worker.load() <= most
        })
    }

    /// To the worker with the fewest live routines, whose number is returned; among equals to the
    /// first from number `from` on. A worker that was last seen on the CPU `wish` is preferred as long
    /// as that keeps the balance.
    fn spread(&self, fresh: Fresh, from: usize, wish: Option<usize>) -> usize {
        let count = self.roster.len();
        let (fewest, number) = (0..count)
            .map(|i| (from % count + i) % count)
            .filter(|&number| self.roster.get(number).takes_spread())
            .map(|number| (self.roster.get(number).load(), number))
            .min_by_key(|&(load, _)| load)
            // All are stuck, or about to drain: from the mail it is sent on.
            .unwrap_or((0, 0));
        let number = wish
            .and_then(|cpu| self.worker_on(cpu, fewest + fewest / SLACK + 1))
            .unwrap_or(number);
        let worker = self.roster.get(number);
        worker.mail.push(fresh);
        self.tell_of_mail(worker);
        number
    }

    /// To the worker with this number, or whoever is there instead.
    pub(super) fn send(&self, fresh: Fresh, number: usize) {
        self.send_to(self.chosen(number), fresh);
    }

    pub(super) fn send_to(&self, worker: &'static Worker, fresh: Fresh) {
        worker.mail.push_bound(fresh);
        self.tell_of_mail(worker);
    }

    fn tell_of_mail(&self, worker: &'static Worker) {
        // ORDER: SeqCst orders the mail before the looks at state and sleep word; pairs with
        // `Home::fall_asleep`, after which the worker looks at its mail, and with D2 in `send_on`.
        fence(Ordering::SeqCst);
        if worker.is_active() {
            worker.home().notice();
        } else {
            self.send_on(worker);
        }
    }
}
