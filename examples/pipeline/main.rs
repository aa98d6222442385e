//! A pipeline of three stages over channels: lines, their words, a tally of how
//! long the words are. `main.go` beside it is the same program in Go; the two
//! print the same.
//!
//! What differs: a stage does not close its channel, it drops its sender by
//! ending; and a stage whose reader has gone gets an error from `send`, where the
//! Go stage would block for good.
#![forbid(unsafe_code)]

use rust_routines::channel::{self, Receiver};
use rust_routines::routine;

const TEXT: &str = "\
a routine waits
another one works
the channel between them
holds one word";

fn lines() -> Receiver<&'static str> {
    let (tx, rx) = channel::bounded(0);
    routine::spawn(move || {
        for line in TEXT.lines() {
            if tx.send(line).is_err() {
                return;
            }
        }
    });
    rx
}

fn words(lines: Receiver<&'static str>) -> Receiver<&'static str> {
    let (tx, rx) = channel::bounded(1);
    routine::spawn(move || {
        while let Ok(line) = lines.recv() {
            for word in line.split_whitespace() {
                if tx.send(word).is_err() {
                    return;
                }
            }
        }
    });
    rx
}

#[rust_routines::main]
fn main() {
    let mut tally = [0; 10];
    let words = words(lines());
    while let Ok(word) = words.recv() {
        println!("{word}");
        tally[word.len()] += 1;
    }
    for (length, count) in tally.iter().enumerate() {
        if *count > 0 {
            println!("{length} letters: {count}");
        }
    }
}
