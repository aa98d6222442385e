//! The words of the locks in `sync`, each with the steps of both sides: what is decided without their
//! line of waiters, what under its lock, and who is to go on.
//!
//! They are generic over the line, so that loom runs the very text: in the product it is a list of
//! waiters on stacks, in the models a queue of notes.
//!
//! Two kinds stand in a line. *Blocked* ones, routines and threads, come as soon as they are woken; so they
//! may be *granted* what they wait for. *Tasks* may be kept unpolled or be dropped; so they are only
//! *told*, and come to see, or, dropped, pass the news on. A line that has told a task does not keep
//! those who block behind it waiting where barging is the rule (mutex, read-write lock), and does where
//! order is (semaphore).

pub(crate) mod mutex;
pub(crate) mod notify;
pub(crate) mod once;
pub(crate) mod rwlock;
pub(crate) mod semaphore;

#[cfg(all(test, loom))]
pub(crate) mod modelled;

/// Those who wait, in their order. Used under the lock of its object.
pub(crate) trait Line {
    /// The right to wake one who was taken off.
    type Right: Right;

    fn is_empty(&self) -> bool;

    /// How many of them block.
    fn blocked(&self) -> u32;

    /// What the first of them asks for.
    fn first_ask(&self) -> Option<u64>;

    /// Takes the first one off.
    fn pop(&mut self) -> Option<Self::Right>;
}

/// The right to wake one waiter, which ends with the wake.
pub(crate) trait Right {
    /// Whether it is only told.
    fn is_task(&self) -> bool;

    /// What it asks for, as it was noted when it entered.
    fn ask(&self) -> u64;

    /// Notes that what it asks for is its own when it is woken.
    fn grant(&mut self);
}

/// Who wants something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Comer {
    /// Has not waited yet.
    New,
    /// Was woken or told in its turn, and granted nothing.
    Told,
}

impl Comer {
    /// Where it stands if it has to wait.
    fn place(self) -> Entry {
        match self {
            Comer::New => Entry::Back,
            Comer::Told => Entry::Front,
        }
    }
}

/// What one under the line's lock has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Entry {
    /// It has what it wants.
    Got,
    /// It has to stand at the end of the line: to be put there before the line is released.
    Back,
    /// As `Back`, at the front.
    Front,
}

/// Something was given back that nobody had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NotHeld;
