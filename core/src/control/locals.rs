//! The values of a routine's local variables: a small table that hangs on its body, or on a thread.
//!
//! A key has a number, given at its first use; a table holds at that place a pointer to the key's value,
//! in an object of its own, because the table grows while values are lent out. A routine that uses none has a
//! null pointer. What hangs in a table need not be `Send`: it is made, used and dropped by one routine,
//! which never changes its thread.
//!
//! - I1: a table is touched by one thread, and what is `inherit`ed before it has hung anywhere by none.
//! - I2: no user code runs while a reference into `slots` exists: initialisers, clones, destructors, and
//!   the allocator, may use the very same table.
//! - I3: the node at a key's place is a `Node<T>` of that key's `T`: numbers are unique, only the key
//!   puts nodes there, and it is invariant in `T`.
//! - I4: a node is freed only when `borrows` is zero, by whoever has taken it out of its table.
//!
//! Rejected: values inside of the table (it could not grow under a `with`), a hash map (three times the
//! price of a look), one thread-local swapped at each switch (routines that use none would pay).

use std::cell::{Cell, UnsafeCell};
use std::mem;
use std::ptr::{self, NonNull};

use crate::prim::{AtomicU32, Ordering};
use crate::sys::unwind::contain;

/// The number of a key, from its first use on.
pub(crate) struct Key {
    /// Zero: none yet.
    number: AtomicU32,
}

impl Key {
    pub(crate) const fn new() -> Key {
        Key {
            number: AtomicU32::new(0),
        }
    }

    #[inline]
    pub(crate) fn number(&self) -> usize {
        match self.number.load(Ordering::Relaxed) {
            0 => self.number_slow(),
            number => number as usize,
        }
    }

    #[cold]
    fn number_slow(&self) -> usize {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let new = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(
            new != u32::MAX,
            "more keys of routine-local values than numbers"
        );
        let given = self
            .number
            .compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed);
        given.map_or_else(|before| before as usize, |_| new as usize)
    }
}

/// What can be done with a node whose type is not known.
pub(crate) struct Kind {
    free: unsafe fn(NonNull<Head>),
    /// A copy of the value in a node of its own, for a child.
    inherit: Option<unsafe fn(NonNull<Head>) -> NonNull<Head>>,
}

impl Kind {
    pub(crate) const fn of<T>() -> Kind {
        Kind {
            free: free::<T>,
            inherit: None,
        }
    }

    /// `Send`, because the copy is made by the parent and used by the child.
    pub(crate) const fn inherited<T: Clone + Send>() -> Kind {
        Kind {
            free: free::<T>,
            inherit: Some(copy::<T>),
        }
    }
}

/// A node, whatever its type.
pub(crate) struct Head {
    /// How many look at the value; -1: one changes it.
    borrows: Cell<isize>,
    /// Which of its table it is, in the order of their making.
    age: Cell<u64>,
    kind: &'static Kind,
}

#[repr(C)]
pub(crate) struct Node<T> {
    head: Head,
    value: UnsafeCell<T>,
}

/// Undoes a borrow. Borrows of one node end in the reverse order of their beginning, for they are calls of
/// closures on one stack; so what was there before is put back.
struct Borrow<'a> {
    borrows: &'a Cell<isize>,
    before: isize,
}

impl Drop for Borrow<'_> {
    #[inline]
    fn drop(&mut self) {
        self.borrows.set(self.before);
    }
}

impl<T> Node<T> {
    /// A node that hangs nowhere yet.
    pub(crate) fn make(value: T, kind: &'static Kind) -> NonNull<Head> {
        let node = Box::new(Node {
            head: Head {
                borrows: Cell::new(0),
                age: Cell::new(0),
                kind,
            },
            value: UnsafeCell::new(value),
        });
        NonNull::from(Box::leak(node)).cast()
    }

    /// The value of a node that was taken out of its table.
    ///
    /// # Safety
    /// `head` is that of a `Node<T>`, hangs nowhere and is not borrowed (I4).
    pub(crate) unsafe fn into_value(head: NonNull<Head>) -> T {
        // SAFETY: made by `make`; nobody else knows it.
        unsafe { Box::from_raw(head.cast::<Node<T>>().as_ptr()) }
            .value
            .into_inner()
    }

    #[inline]
    pub(crate) fn is_borrowed(&self) -> bool {
        self.head.borrows.get() != 0
    }

    /// Lends the value; `None` if somebody changes it.
    #[inline]
    pub(crate) fn look<R>(&self, f: impl FnOnce(&T) -> R) -> Option<R> {
        let before = self.head.borrows.get();
        if before < 0 {
            return None;
        }
        self.head.borrows.set(before + 1);
        let _borrow = Borrow {
            borrows: &self.head.borrows,
            before,
        };
        // SAFETY: while `borrows` is positive nobody changes or frees the value (I4).
        Some(f(unsafe { &*self.value.get() }))
    }

    /// Lends the value to be changed; `None` if it is lent out.
    #[inline]
    pub(crate) fn change<R>(&self, f: impl FnOnce(&mut T) -> R) -> Option<R> {
        if self.is_borrowed() {
            return None;
        }
        self.head.borrows.set(-1);
        let _borrow = Borrow {
            borrows: &self.head.borrows,
            before: 0,
        };
        // SAFETY: nobody looks at it, and while `borrows` is negative nobody will.
        Some(f(unsafe { &mut *self.value.get() }))
    }
}

/// # Safety
/// As [`Node::into_value`].
unsafe fn free<T>(head: NonNull<Head>) {
    // SAFETY: the caller's promise. Not by `into_value`, which would move the value to the stack.
    drop(unsafe { Box::from_raw(head.cast::<Node<T>>().as_ptr()) });
}

/// # Safety
/// `head` is that of a `Node<T>` that hangs in a table of this thread.
unsafe fn copy<T: Clone + Send>(head: NonNull<Head>) -> NonNull<Head> {
    // SAFETY: the caller's promise; as long as it is borrowed it is not freed (I4).
    let node = unsafe { head.cast::<Node<T>>().as_ref() };
    // Before there is a new one: the allocator may take this one out (I2).
    let (kind, age) = (node.head.kind, node.head.age.get());
    let Some(value) = node.look(T::clone) else {
        panic!(
            "a routine is spawned, or `blocking` called, inside of `with_mut` of a routine-local `{}` that it \
             inherits: do it after the `with_mut`",
            std::any::type_name::<T>()
        );
    };
    let copied = Node::make(value, kind);
    // SAFETY: just made.
    unsafe { copied.as_ref() }.age.set(age);
    copied
}

/// A place in a table.
#[derive(Clone, Copy)]
struct Slot(*mut Head);

impl Slot {
    const EMPTY: Slot = Slot(ptr::null_mut());
    /// Its value has been destroyed at its owner's end.
    const DESTROYED: Slot = Slot(ptr::without_provenance_mut(1));

    fn node(self) -> Option<NonNull<Head>> {
        NonNull::new(self.0).filter(|node| node.as_ptr() != Slot::DESTROYED.0)
    }
}

#[derive(Default)]
pub(crate) struct Table {
    slots: UnsafeCell<Vec<Slot>>,
    /// How many nodes a child inherits.
    inheritable: Cell<usize>,
    /// How many nodes have been made.
    births: Cell<u64>,
}

impl Table {
    fn slot(&self, number: usize) -> Option<Slot> {
        // SAFETY: I1, I2.
        unsafe { (&*self.slots.get()).get(number).copied() }
    }

    fn set_slot(&self, number: usize, slot: Slot) {
        // SAFETY: I1, I2.
        unsafe { (&mut *self.slots.get())[number] = slot };
    }

    /// Makes sure that there is a place with this number.
    fn reserve(&self, number: usize) {
        while self.slot(number).is_none() {
            // The allocator may come here too (I2), so the new memory is there before the old is looked at.
            let mut grown = Vec::with_capacity((number + 1).next_power_of_two().max(4));
            // SAFETY: I1, I2: nothing below allocates or frees.
            let slots = unsafe { &mut *self.slots.get() };
            if slots.len() < grown.capacity() {
                grown.extend_from_slice(slots);
                grown.resize(grown.capacity(), Slot::EMPTY);
                mem::swap(slots, &mut grown);
            }
        }
    }

    /// Hangs a node at a place; gives the one that hung there.
    fn put(&self, number: usize, head: NonNull<Head>) -> Option<NonNull<Head>> {
        self.reserve(number);
        let before = self.take(number, Slot::EMPTY);
        // SAFETY: it is ours until it hangs here.
        let inherits = unsafe { head.as_ref() }.kind.inherit.is_some();
        self.inheritable
            .set(self.inheritable.get() + usize::from(inherits));
        self.set_slot(number, Slot(head.as_ptr()));
        before
    }

    /// Takes a node out and leaves `instead`.
    fn take(&self, number: usize, instead: Slot) -> Option<NonNull<Head>> {
        let head = self.slot(number)?.node()?;
        self.set_slot(number, instead);
        // SAFETY: a node in a table is alive.
        let inherits = unsafe { head.as_ref() }.kind.inherit.is_some();
        self.inheritable
            .set(self.inheritable.get() - usize::from(inherits));
        Some(head)
    }

    fn next_age(&self) -> u64 {
        let age = self.births.get() + 1;
        self.births.set(age);
        age
    }

    /// The place of the node that was made last.
    fn newest(&self) -> Option<usize> {
        // SAFETY: I1, I2.
        let slots = unsafe { &*self.slots.get() };
        // SAFETY: a node in a table is alive.
        let age = |head: NonNull<Head>| unsafe { head.as_ref() }.age.get();
        (0..slots.len())
            .filter(|&number| slots[number].node().is_some())
            .max_by_key(|&number| slots[number].node().map(age))
    }

    /// Destroys all values, those made last first, also those that destructors make.
    fn clear(&self) {
        while let Some(number) = self.newest() {
            let Some(head) = self.take(number, Slot::DESTROYED) else {
                continue;
            };
            // SAFETY: a node in a table is alive, and just now it was in one.
            let Head { borrows, kind, .. } = unsafe { head.as_ref() };
            // Lent at its owner's end: that is `exit`, called in a `with`. It stays for other threads that look at it.
            if borrows.get() == 0 {
                // SAFETY: I3, I4.
                contain(|| unsafe { (kind.free)(head) });
            }
        }
    }
}

/// What is found at a key's place.
pub(crate) enum Found {
    Node(NonNull<Head>),
    Nothing,
    /// The value has been destroyed, or its owner has ended.
    Destroyed,
}

/// Where a routine's or a thread's table hangs.
pub(crate) struct Locals {
    table: Cell<*mut Table>,
}

/// In place of a table: its owner has ended.
const ENDED: *mut Table = ptr::without_provenance_mut(1);

impl Locals {
    pub(crate) const fn new() -> Locals {
        Locals {
            table: Cell::new(ptr::null_mut()),
        }
    }

    /// With what was inherited.
    pub(crate) fn of(inherited: Option<Inherited>) -> Locals {
        Locals {
            table: Cell::new(inherited.map_or(ptr::null_mut(), Inherited::into_table)),
        }
    }

    /// Puts other values in place of the present ones, which are returned.
    pub(crate) fn replace(&self, other: Locals) -> Locals {
        Locals {
            table: Cell::new(self.table.replace(other.table.get())),
        }
    }

    #[inline]
    fn table(&self) -> Option<&Table> {
        let table = self.table.get();
        if table.addr() <= ENDED.addr() {
            return None;
        }
        // SAFETY: from `Box::into_raw`; freed by `end`, which leaves `ENDED` here.
        Some(unsafe { &*table })
    }

    #[inline]
    pub(crate) fn find(&self, number: usize) -> Found {
        if let Some(Slot(head)) = self.table().and_then(|table| table.slot(number)) {
            match NonNull::new(head) {
                Some(head) if head.as_ptr() != Slot::DESTROYED.0 => return Found::Node(head),
                Some(_) => return Found::Destroyed,
                None => {}
            }
        }
        if self.table.get() == ENDED {
            return Found::Destroyed;
        }
        Found::Nothing
    }

    /// Whether nothing has hung here so far.
    pub(crate) fn is_unused(&self) -> bool {
        self.table.get().is_null()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.table.get() == ENDED
    }

    /// Hangs a node at a place where there was none before it was made; if there is one now, which the allocator
    /// may have put there, that is the caller's.
    pub(crate) fn put(&self, number: usize, head: NonNull<Head>) -> Option<NonNull<Head>> {
        if self.is_unused() {
            let table = Box::into_raw(Box::default());
            // The allocator may have made one.
            if self.is_unused() {
                self.table.set(table);
            } else {
                // SAFETY: just made.
                drop(unsafe { Box::from_raw(table) });
            }
        }
        let table = self.table().expect("values are put where there is a table");
        // SAFETY: it is the caller's until it hangs here.
        unsafe { head.as_ref() }.age.set(table.next_age());
        table.put(number, head)
    }

    /// Takes a node out: it is the caller's.
    pub(crate) fn take(&self, number: usize) -> Option<NonNull<Head>> {
        self.table()?.take(number, Slot::EMPTY)
    }

    /// Destroys all values. From then on there are none.
    #[inline]
    pub(crate) fn end(&self) {
        if self.is_unused() {
            self.table.set(ENDED);
        } else {
            self.end_slow();
        }
    }

    #[cold]
    fn end_slow(&self) {
        let Some(table) = self.table() else {
            return;
        };
        table.clear();
        let table = self.table.replace(ENDED);
        // SAFETY: from `Box::into_raw`, and nobody refers to it: `clear` was the last.
        drop(unsafe { Box::from_raw(table) });
    }

    /// Whether a child would inherit anything.
    #[inline]
    pub(crate) fn inherits(&self) -> bool {
        self.table()
            .is_some_and(|table| table.inheritable.get() > 0)
    }

    /// What a child inherits: copies, made here and now.
    pub(crate) fn inherit(&self) -> Option<Inherited> {
        let table = self.table().filter(|_| self.inherits())?;
        let heir = Inherited(Box::into_raw(Box::default()));
        let mut number = 0;
        while let Some(slot) = table.slot(number) {
            // SAFETY: a node in a table is alive.
            let kind = slot
                .node()
                .map(|head| (head, unsafe { head.as_ref() }.kind));
            if let Some((head, Some(copy))) = kind.map(|(head, kind)| (head, kind.inherit)) {
                // SAFETY: I3; it hangs in a table of this thread.
                heir.table().put(number, unsafe { copy(head) });
            }
            number += 1;
        }
        heir.table().births.set(table.births.get());
        Some(heir)
    }
}

/// Values on the way to a child.
pub(crate) struct Inherited(*mut Table);

// SAFETY: all nodes come from `copy`, so their values are `Send`; nobody else refers to them.
unsafe impl Send for Inherited {}

impl Inherited {
    fn table(&self) -> &Table {
        // SAFETY: from `Box::into_raw`, freed by `drop`.
        unsafe { &*self.0 }
    }

    fn into_table(self) -> *mut Table {
        let table = self.0;
        mem::forget(self);
        table
    }
}

impl Drop for Inherited {
    fn drop(&mut self) {
        self.table().clear();
        // SAFETY: from `Box::into_raw`, and ours alone.
        drop(unsafe { Box::from_raw(self.0) });
    }
}
