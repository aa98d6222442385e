//! Two operands that are no arms: each is told of once.

use routines::select;

fn main() {
    select! {
        v = 1 => println!("{v}"),
        w = "text" => println!("{w}"),
        default => {}
    }
}
