//! Stalls as events of `tracing`, seen by a subscriber.
#![forbid(unsafe_code)]

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rust_routines::routine::Builder;
use rust_routines::runtime;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Sends the fields of each stall, as text.
struct Stalls(mpsc::SyncSender<String>);

#[derive(Default)]
struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0 += &format!("{}={value:?} ", field.name());
    }
}

impl Subscriber for Stalls {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "rust_routines::stall"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        assert_eq!(*event.metadata().level(), Level::WARN);
        let mut fields = Fields::default();
        event.record(&mut fields);
        // Those after the first are of no interest.
        drop(self.0.try_send(fields.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn a_stall_is_an_event() {
    let (tx, events) = mpsc::sync_channel(1);
    tracing::subscriber::set_global_default(Stalls(tx)).expect("the first one");
    let runtime = runtime::Builder::new()
        .workers(1)
        .build()
        .expect("a worker");
    let end = Arc::new(AtomicBool::new(false));
    let of_routine = end.clone();
    let sleeps = move || {
        while !of_routine.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(100));
        }
    };
    let sleeps = runtime.spawn_with(Builder::new().name("sleeps"), sleeps);
    let event = events
        .recv_timeout(Duration::from_secs(30))
        .expect("it is told");
    for field in [
        "name=\"sleeps\"",
        "stalls.rs",
        "worker=0",
        "stranded=0",
        "class=",
    ] {
        assert!(event.contains(field), "no {field} in {event}");
    }
    end.store(true, Ordering::SeqCst);
    sleeps.expect("a routine").join().expect("it returns");
}
