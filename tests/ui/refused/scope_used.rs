//! What is lent to a routine of a scope, changed while the scope runs.

use routines::routine;

fn main() {
    let mut text = String::from("text");
    routine::scope(|s| {
        s.spawn(|| println!("{text}"));
        text.push('!');
    });
}
