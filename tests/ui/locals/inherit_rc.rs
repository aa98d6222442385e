//! What children inherit goes to another thread.

use routines::routine_local;
use std::rc::Rc;

routine_local! {
    #[inherit]
    static SHARED: Rc<u32> = Rc::new(1);
}

fn main() {
    SHARED.with(|shared| println!("{shared}"));
}
