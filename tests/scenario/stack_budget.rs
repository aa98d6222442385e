//! Prints how deep the stack is at the switch, for every way to park: the most over all colours.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rust_routines::channel::{self, Receiver, Sender};
use rust_routines::routine::{self, JoinHandle};
use rust_routines::sync::{
    Barrier, Condvar, Latch, Mutex, Notify, NotifyList, Once, RwLock, Semaphore, WaitGroup,
};
use rust_routines::time::Duration;

thread_local! {
    /// An address in the frame of the routine that is measured, at its call.
    static CALL: Cell<usize> = const { Cell::new(0) };
    /// An address in the frame in which the hook has run for that routine.
    static SWITCH: Cell<usize> = const { Cell::new(0) };
}

/// Stacks are coloured in this many steps.
const COLOURS: usize = 16;

/// An address in a frame right below the caller's.
#[inline(never)]
fn here() -> usize {
    let local = black_box(0_u8);
    std::ptr::from_ref(black_box(&local)).addr()
}

/// Others park too meanwhile: they are on stacks of their own, at least a guard away.
fn save() {
    let (here, call) = (here(), CALL.get());
    if here < call && call - here < 64 << 10 {
        SWITCH.set(here);
    }
}

/// What the ways to park need, made before the depth is taken.
struct Gear {
    receiver: Receiver<u64>,
    sender: Sender<u64>,
    group: Arc<WaitGroup>,
    lock: Arc<Mutex<u64>>,
    locks: Arc<Locks>,
    child: Option<JoinHandle<()>>,
}

/// Held or empty until the child lets go of them.
struct Locks {
    lock: RwLock<u64>,
    permits: Semaphore,
    notify: Notify,
    latch: Latch,
    barrier: Barrier,
    once: Once,
    condvar: (Mutex<()>, Condvar),
    list: NotifyList,
}

impl Locks {
    fn new() -> Arc<Locks> {
        Arc::new(Locks {
            lock: RwLock::new(0),
            permits: Semaphore::new(0),
            notify: Notify::new(),
            latch: Latch::new(1),
            barrier: Barrier::new(2),
            once: Once::new(),
            condvar: (Mutex::new(()), Condvar::new()),
            list: NotifyList::new(),
        })
    }

    /// Lets go of what one of the ways waits for; nobody misses the rest.
    fn let_go(&self) {
        self.permits.add_permits(1);
        self.notify.notify_one();
        self.latch.count_down();
        self.condvar.1.notify_all();
        self.list.notify_all();
        self.once.call_once(|| ());
        self.barrier.wait_timeout(MOMENT);
    }
}

impl Gear {
    /// Runs on the only worker, so that what is spawned here does not run before the caller parks.
    fn new() -> Gear {
        let (answer, receiver) = channel::bounded(0);
        let (sender, question) = channel::bounded(0);
        let group = Arc::new(WaitGroup::new());
        let lock = Arc::new(Mutex::new(0));
        let (held, is_held) = channel::bounded(1);
        let (release, released) = channel::bounded(1);
        let (held_lock, locks) = (lock.clone(), Locks::new());
        let held_locks = locks.clone();
        routine::spawn(move || {
            let _guard = held_lock.lock();
            let _writes = held_locks.lock.write();
            held.send(()).expect("the receiver waits");
            released.recv().expect("the sender sends");
        });
        is_held.recv().expect("the holder sends");
        release.send(()).expect("the holder waits");
        group.add(1);
        let (me, done) = (routine::current().expect("a routine"), group.clone());
        let of_child = locks.clone();
        let child = routine::spawn(move || {
            me.unpark();
            done.done();
            // One of these has its other side; the others find it gone.
            routine::spawn(move || answer.send(1));
            routine::spawn(move || question.recv());
            of_child.let_go();
        });
        Gear {
            receiver,
            sender,
            group,
            lock,
            locks,
            child: Some(child),
        }
    }
}

/// Called through a pointer, so that no frame is merged into the caller's.
type Way = (&'static str, fn(&mut Gear));

const MOMENT: Duration = Duration::from_micros(100);
const MINUTE: Duration = Duration::from_secs(60);

const WAYS: [Way; 20] = [
    ("yield", |_| routine::yield_now()),
    ("sleep", |_| routine::sleep(MOMENT)),
    ("park", |_| routine::park()),
    ("park_timeout", |_| routine::park_timeout(MOMENT)),
    ("recv", |gear| assert_eq!(gear.receiver.recv(), Ok(1))),
    ("recv_timeout", |gear| {
        assert_eq!(gear.receiver.recv_timeout(MINUTE), Ok(1));
    }),
    ("send", |gear| assert_eq!(gear.sender.send(1), Ok(()))),
    ("join", |gear| {
        let joined = gear.child.take().map(JoinHandle::join);
        assert!(matches!(joined, Some(Ok(()))));
    }),
    ("lock", |gear| *gear.lock.lock() += 1),
    ("wait", |gear| gear.group.wait()),
    ("read", |gear| assert_eq!(*gear.locks.lock.read(), 0)),
    ("write", |gear| *gear.locks.lock.write() += 1),
    ("acquire", |gear| gear.locks.permits.acquire().forget()),
    ("acquire_timeout", |gear| {
        let permit = gear.locks.permits.acquire_timeout(MINUTE);
        permit.expect("it comes").forget();
    }),
    ("notified", |gear| gear.locks.notify.wait()),
    ("latch", |gear| gear.locks.latch.wait()),
    ("barrier", |gear| _ = gear.locks.barrier.wait()),
    ("once", |gear| gear.locks.once.wait()),
    ("condvar", |gear| {
        let mut guard = gear.locks.condvar.0.lock();
        gear.locks.condvar.1.wait(&mut guard);
    }),
    ("ticket", |gear| gear.locks.list.ticket().wait()),
];

/// The depth of the switch below the call and below the top of the stack.
fn measure(park: fn(&mut Gear)) -> (usize, usize) {
    let mut gear = Gear::new();
    let call = here();
    CALL.set(call);
    black_box(park)(&mut gear);
    CALL.set(0);
    let switch = SWITCH.replace(0);
    assert!(switch != 0, "it has not parked");
    (call - switch, top_above(switch) - switch)
}

/// The top of the stack that `address` is in: the first page above that is not there, for what follows is
/// the next stack's guard.
fn top_above(address: usize) -> usize {
    const PAGE: usize = 4096;
    let pages = File::open("/proc/self/pagemap").expect("Linux tells what is there");
    let is_there = |page: usize| {
        let mut entry = 0_u64.to_ne_bytes();
        let read = pages.read_exact_at(&mut entry, 8 * page as u64);
        read.is_ok() && u64::from_ne_bytes(entry) >> 63 == 1
    };
    let mut page = address / PAGE;
    while is_there(page) {
        page += 1;
    }
    assert!(
        page > address / PAGE,
        "the page that was just used is there"
    );
    page * PAGE
}

pub(crate) fn main() {
    routine::on_switch(save, |()| ());
    let runtime = rust_routines_tests::pinned(1).build().expect("one worker");
    let mut most: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut kept = Vec::new();
    for _ in 0..COLOURS {
        for (name, park) in WAYS {
            let measured = runtime.spawn(move || measure(park)).join();
            let (depth, top) = measured.expect("the routine only parks");
            let so_far = most.entry(name).or_default();
            *so_far = (so_far.0.max(depth), so_far.1.max(top));
        }
        // Free stacks are used last in, first out: one that is kept leaves the next colour.
        kept.push(runtime.spawn(routine::park));
        runtime.run(routine::yield_now);
    }
    for (name, (depth, top)) in &most {
        println!("{name}.depth={depth}");
        println!("{name}.top={top}");
    }
    println!(
        "ways={}",
        most.keys().copied().collect::<Vec<_>>().join(",")
    );
}
