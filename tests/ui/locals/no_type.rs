//! As in `thread_local!`, types are written.

use routines::routine_local;

routine_local! {
    static COUNT = 0;
}

fn main() {}
