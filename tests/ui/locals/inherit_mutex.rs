//! What children inherit is cloned.

use routines::routine_local;
use std::sync::Mutex;

routine_local! {
    #[inherit]
    static SHARED: Mutex<u32> = Mutex::new(1);
}

fn main() {
    SHARED.with(|shared| println!("{shared:?}"));
}
