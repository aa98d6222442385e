//! A future that is not given to `select::future`.

use routines::select;

async fn answer() -> u32 {
    42
}

fn main() {
    select! {
        value = answer() => println!("{value}"),
    }
}
