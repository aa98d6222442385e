//! The program `go/semantics.go`, line by line in Rust: it prints what Go has printed.
//!
//! `go/semantics.txt` is the output of the real Go; the test needs none. Where Go says `0 false` there is
//! an error here, and a nil channel is `never()`.

use std::fmt::Write;
use std::sync::{Arc, Mutex};

use rust_routines::channel::{self, Receiver, Sender};
use rust_routines::routine::JoinHandle;
use rust_routines::select;
use rust_routines_tests::watched;

use super::{blocked, workers};

type Channel = (Sender<i32>, Receiver<i32>);

/// What the program prints.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<String>>);

impl Output {
    fn line(&self, line: impl std::fmt::Display) {
        writeln!(self.0.lock().unwrap(), "{line}").unwrap();
    }

    fn note<T>(&self, name: &str, value: T) -> T {
        self.line(format_args!("B10 {name}"));
        value
    }
}

/// Go's `v, ok := <-ch`.
fn pair(result: Result<i32, channel::RecvError>) -> String {
    match result {
        Ok(value) => format!("{value} true"),
        Err(_) => "0 false".to_string(),
    }
}

/// Starts `n` routines that block one after the other.
fn in_order<T: Send + 'static>(
    n: i32,
    body: impl Fn(i32) -> T + Clone + Send + 'static,
) -> impl FnOnce() -> Vec<T> {
    let handles: Vec<JoinHandle<T>> = (0..n)
        .map(|i| {
            let body = body.clone();
            blocked(move || body(i))
        })
        .collect();
    || {
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap())
            .collect()
    }
}

fn closed_channel(out: &Output) {
    let (sender, receiver) = channel::bounded(3);
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    sender.close();
    for _ in 0..4 {
        out.line(format_args!("B3 receive {}", pair(receiver.recv())));
    }
    let (sender, receiver) = channel::bounded(3);
    sender.send(7).unwrap();
    sender.send(8).unwrap();
    sender.close();
    for value in &receiver {
        out.line(format_args!("B3 range {value}"));
    }
    let capacity = receiver.capacity().unwrap();
    out.line(format_args!("B3 len {} cap {capacity}", receiver.len()));
}

fn waiters_are_fifo(out: &Output) {
    for capacity in [0, 1, 3] {
        let (sender, receiver) = channel::bounded(capacity);
        let of_senders = sender.clone();
        let group = in_order(6, move |i| of_senders.send(i).unwrap());
        out.line(format_args!("B8 len {} cap {capacity}", sender.len()));
        for _ in 0..6 {
            let value = receiver.recv().unwrap();
            out.line(format_args!("B5 capacity {capacity} received {value}"));
            out.line(format_args!("B5 len {}", receiver.len()));
        }
        group();
        let group = in_order(4, move |_| receiver.recv().unwrap());
        (0..4).for_each(|i| sender.send(10 + i).unwrap());
        let got: Vec<String> = group().iter().map(i32::to_string).collect();
        out.line(format_args!("B5 receivers [{}]", got.join(" ")));
    }
}

fn no_barging(out: &Output) {
    let (sender, receiver) = channel::bounded(1);
    sender.send(0).unwrap();
    let of_other = sender.clone();
    let group = in_order(1, move |_| of_other.send(1).unwrap());
    out.line(format_args!("B6 first {}", receiver.recv().unwrap()));
    select! {
        sender.send(2) => out.line("B6 barged"),
        default => out.line("B6 full"),
    }
    out.line(format_args!("B6 second {}", receiver.recv().unwrap()));
    group();
    let of_other = receiver.clone();
    let group = in_order(1, move |_| of_other.recv().unwrap());
    sender.send(3).unwrap();
    select! {
        value = receiver.recv() => out.line(format_args!("B6 barged {value:?}")),
        default => out.line("B6 empty"),
    }
    out.line(format_args!("B6 handed over {}", group()[0]));
}

fn evaluation(out: &Output) {
    let (sender, receiver) = channel::bounded(1);
    let off = channel::never::<i32>();
    select! {
        value = out.note("a", &off).recv() => out.line(pair(value)),
        _ = out.note("b", &sender).send(out.note("value", 5)) => out.line("B10 sent"),
        out.note("c", &off).recv() => {}
    }
    select! {
        _ = out.note("d", &sender).send(out.note("not sent", 6)) => {}
        default => out.line("B12 default"),
    }
    out.line(format_args!("B12 left {}", receiver.recv().unwrap()));
}

fn exactly_one(out: &Output) {
    let [a, b, c]: [Channel; 3] = std::array::from_fn(|_| channel::bounded(0));
    let (of_a, of_b, to_c) = (a.1.clone(), b.1.clone(), c.0.clone());
    let group = in_order(1, move |_| {
        select! {
            value = of_a.recv() => format!("a {}", value.unwrap()),
            value = of_b.recv() => format!("b {}", value.unwrap()),
            _ = to_c.send(9) => "c".to_string(),
        }
    });
    let offer = |sender: &Sender<i32>, value| {
        select! { sent = sender.send(value) => sent.is_ok(), default => false }
    };
    let tried = [offer(&b.0, 1), offer(&a.0, 2), offer(&b.0, 3)];
    out.line(format_args!("B15 {} {} {}", tried[0], tried[1], tried[2]));
    select! {
        value = c.1.recv() => out.line(format_args!("B15 received {value:?}")),
        default => out.line("B15 nobody sends"),
    }
    out.line(format_args!("B15 [{}]", group().join(" ")));
}

fn one_queue(out: &Output) {
    let (sender, receiver) = channel::bounded(0);
    let never = channel::never::<i32>();
    let group = in_order(6, move |i| {
        if i % 2 == 0 {
            return sender.send(i).unwrap();
        }
        select! {
            never.recv() => {}
            sent = sender.send(i) => sent.unwrap(),
        }
    });
    for _ in 0..6 {
        out.line(format_args!("B15 in line {}", receiver.recv().unwrap()));
    }
    group();
}

fn both_ways(out: &Output) {
    let (sender, receiver) = channel::bounded(0);
    select! {
        sender.send(1) => out.line("B15 met itself"),
        receiver.recv() => out.line("B15 met itself"),
        default => out.line("B15 does not meet itself"),
    }
    let (to, from) = (sender.clone(), receiver.clone());
    let both = move |_| {
        select! {
            _ = to.send(1) => "sent".to_string(),
            value = from.recv() => format!("received {}", value.unwrap()),
        }
    };
    let group = in_order(1, both.clone());
    out.line(format_args!(
        "B15 from a select {}",
        receiver.recv().unwrap()
    ));
    out.line(format_args!("B15 {}", group()[0]));
    let group = in_order(1, both);
    sender.send(2).unwrap();
    out.line(format_args!("B15 {}", group()[0]));
}

fn close_wakes(out: &Output) {
    let (a, of_a) = channel::bounded(0);
    let (_b, of_b) = channel::bounded::<i32>(0);
    let to_a = a.clone();
    let group = in_order(3, move |i| match i {
        0 => pair(of_a.recv()),
        1 => select! {
            value = of_a.recv() => format!("a {}", pair(value)),
            value = of_b.recv() => format!("b {}", pair(value)),
        },
        _ => select! {
            value = of_b.recv() => format!("b {}", pair(value)),
            _ = to_a.send(1) => String::new(),
        },
    });
    assert!(a.close());
    out.line(format_args!("B3 close [{}]", group().join(" ")));
}

#[test]
fn what_is_not_up_to_chance_is_as_in_go() {
    let output = watched(|| {
        workers(1).run(|| {
            let out = Output::default();
            closed_channel(&out);
            waiters_are_fifo(&out);
            no_barging(&out);
            evaluation(&out);
            exactly_one(&out);
            one_queue(&out);
            both_ways(&out);
            close_wakes(&out);
            std::mem::take(&mut *out.0.lock().unwrap())
        })
    });
    for (i, (ours, gos)) in output
        .lines()
        .zip(include_str!("go/semantics.txt").lines())
        .enumerate()
    {
        assert_eq!(ours, gos, "line {}", i + 1);
    }
    assert_eq!(output, include_str!("go/semantics.txt"));
}
