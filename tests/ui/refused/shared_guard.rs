//! A shared guard gives its mutex out, and with that the value: what may not be sent must not be reached so.

use routines::sync::Mutex;

fn main() {
    let outer = std::sync::Mutex::new(1);
    let mutex = Mutex::new(outer.lock().unwrap());
    let guard = mutex.lock();
    std::thread::scope(|s| {
        s.spawn(|| drop(&guard));
    });
}
