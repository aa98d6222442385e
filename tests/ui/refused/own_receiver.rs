//! A type with a `recv` of its own.

use routines::{channel, select};

struct Inbox(channel::Receiver<u32>);

impl Inbox {
    fn recv(&self) -> u32 {
        self.0.recv().unwrap()
    }
}

fn main() {
    let inbox = Inbox(channel::never());
    select! {
        v = inbox.recv() => println!("{v}"),
    }
}
