//! Values on their way to a receiver's slot, moved once, from where they lie to where they belong.
//!
//! `*slot = Ok(ring.pop_front()?)` says the same, but makes room for one or two of them in the frame, of
//! whoever sends or receives: of 256 KiB of stack, values of 64 KiB leave nothing over. The compiler leaves
//! such copies out only where it sees that nothing between the reading and the writing may touch either.
//!
//! - I1: from the reading on until the origin is told that its value has gone nothing panics, and no code of
//!   the user runs: what stood in the slot is dropped before.

use std::collections::VecDeque;
use std::ptr;

use super::error::RecvError;
use super::state::Received;

/// Out of a sender's slot; whether there was one.
#[inline]
pub(super) fn hand<T>(from: &mut Option<T>, slot: &mut Received<T>) -> bool {
    let Some(value) = from else {
        return false;
    };
    let value = ptr::from_mut(value);
    *slot = Err(RecvError);
    // SAFETY: I1: read once, as `from` is overwritten and not dropped. The slot holds nothing to be dropped.
    unsafe {
        ptr::write(slot, Ok(ptr::read(value)));
        ptr::write(from, None);
    }
    true
}

/// Out of a ring; whether there was one.
#[inline]
pub(super) fn pop_into<T>(ring: &mut VecDeque<T>, slot: &mut Received<T>) -> bool {
    let Some(value) = ring.front_mut() else {
        return false;
    };
    let value = ptr::from_mut(value);
    *slot = Err(RecvError);
    // SAFETY: I1: read once, as the ring's own is forgotten. The slot holds nothing to be dropped.
    unsafe { ptr::write(slot, Ok(ptr::read(value))) };
    std::mem::forget(ring.pop_front());
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    #[test]
    fn a_value_is_moved_and_what_was_there_is_dropped() {
        let (value, before) = (Rc::new(1), Rc::new(2));
        let mut from = Some(value.clone());
        let mut slot = Ok(before.clone());
        assert!(hand(&mut from, &mut slot));
        assert_eq!((&from, &slot), (&None, &Ok(Rc::new(1))));
        assert_eq!(
            (Rc::strong_count(&value), Rc::strong_count(&before)),
            (2, 1)
        );
        assert!(!hand(&mut from, &mut slot));
        assert_eq!(Rc::strong_count(&value), 2);
    }

    #[test]
    fn a_ring_gives_its_first() {
        let values = [Rc::new(1), Rc::new(2)];
        let mut ring = VecDeque::from(values.clone());
        let mut slot = Err(RecvError);
        for value in &values {
            assert!(pop_into(&mut ring, &mut slot));
            assert_eq!(Rc::strong_count(value), 2);
            assert_eq!(slot.as_ref(), Ok(value));
        }
        assert!(!pop_into(&mut ring, &mut slot));
        assert_eq!(Rc::strong_count(&values[0]), 1);
        drop(slot);
        assert_eq!(Rc::strong_count(&values[1]), 1);
    }
}
