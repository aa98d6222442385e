//! Where code stands in the source, and which words of a stack look like return addresses.
//!
//! A stack of another thread is not unwound: that takes all its registers, which only a signal would give us,
//! and the unwind tables of each module. What is done instead is honest guessing: a word that points just behind
//! a call into code was a return address once. Nearly all are of frames that still stand; some are old.
//! Names and lines come from the crate `backtrace`, std's own way to them.

use std::ops::Range;

use super::thread;

/// Words looked at; a deeper stack is cut off.
const WORDS: usize = 2048;
/// The longest call.
const CALL: usize = 7;

/// One function that has not returned, probably.
pub(crate) struct Frame {
    pub(crate) function: String,
    /// File and line.
    pub(crate) place: Option<(String, u32)>,
}

/// Addresses within `stack` that look as if a call returned there, innermost first.
pub(crate) fn scan(stack: Range<usize>, code: &[Range<usize>]) -> Vec<usize> {
    const WORD: usize = size_of::<usize>();
    let start = stack.start.next_multiple_of(WORD);
    let most = stack.end.saturating_sub(start).min(WORDS * WORD);
    let mut bytes = vec![0; most];
    // A page at a time: beyond what is mapped nothing is read.
    let page = super::memory::page_size();
    let mut read = 0;
    while read < most {
        let end = ((start + read) / page + 1) * page - start;
        let wanted = end.min(most) - read;
        let got = thread::read_memory(start + read, &mut bytes[read..read + wanted]);
        read += got;
        if got < wanted {
            break;
        }
    }
    let words = bytes[..read].chunks_exact(WORD);
    let mut found: Vec<usize> = words
        .filter_map(|word| Some(usize::from_ne_bytes(word.try_into().ok()?)))
        .filter(|&word| code.iter().any(|range| range.contains(&word)) && follows_call(word))
        .collect();
    found.dedup();
    found
}

/// Whether the instruction before `address` may be a call.
fn follows_call(address: usize) -> bool {
    let mut before = [0; CALL];
    if thread::read_memory(address.wrapping_sub(CALL), &mut before) != CALL {
        return false;
    }
    if !cfg!(target_arch = "x86_64") {
        return true;
    }
    let is_direct = before[CALL - 5] == 0xe8;
    let is_indirect = |length: usize| {
        let at = CALL - length;
        before[at] == 0xff && (before[at + 1] >> 3) & 7 == 2
    };
    is_direct || [2, 3, 4, 6, 7].into_iter().any(is_indirect)
}

/// The functions that stand at `address`, the innermost first: several where one was inlined.
pub(crate) fn frames(address: usize) -> Vec<Frame> {
    let mut frames = Vec::new();
    let address = std::ptr::without_provenance_mut(address);
    backtrace::resolve(address, |symbol| {
        let Some(name) = symbol.name() else {
            return;
        };
        let file = symbol.filename().map(|file| file.display().to_string());
        frames.push(Frame {
            // Without the hash.
            function: format!("{name:#}"),
            place: file.zip(symbol.lineno()),
        });
    });
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn a_name_to_be_found(addresses: &mut Vec<usize>) {
        let here = std::hint::black_box(0_usize);
        let from = (&raw const here).addr();
        // The frame of the caller is within this.
        *addresses = scan(from..from + 4096, &thread::code_ranges());
        std::hint::black_box(&here);
    }

    #[test]
    fn callers_are_found_and_named() {
        let mut addresses = Vec::new();
        a_name_to_be_found(&mut addresses);
        let all: Vec<Frame> = addresses
            .iter()
            .flat_map(|address| frames(address - 1))
            .collect();
        let name = "callers_are_found_and_named";
        let found = all.iter().find(|frame| frame.function.contains(name));
        let frame = found.expect("the caller's frame");
        let (file, line) = frame.place.as_ref().expect("a test has lines");
        assert!(file.ends_with("symbols.rs"), "{file}");
        assert!(*line > 90);
    }
}
