//! An operand that is a number.

use routines::select;

fn main() {
    select! {
        value = 1 + 2 => println!("{value}"),
    }
}
