//! Address space for stacks: reserved in slabs, guarded in bulk, given back page by page.
//!
//! A guard is an address range that faults. Three ways, tried in this order for each slab, because
//! what the kernel allows is only known by asking (seccomp filters, old kernels, odd page tables):
//!
//! 1. `process_madvise` with `MADV_GUARD_INSTALL`: all guards of a slab in one call, no mapping of
//!    its own for each, so a million guarded stacks fit under the default `vm.max_map_count`;
//! 2. `madvise` with the same advice, one call per guard (Linux 6.13, before 1. took it);
//! 3. `mprotect(PROT_NONE)`: everywhere, at two mappings per stack.
//!
//! `--cfg force_guard_madvise` and `--cfg force_guard_mprotect` skip the ways before, so that each
//! is tested on a kernel that has all three.
//!
//! I1: a `Region` is unmapped only by `Drop`; whoever uses a part of it keeps the region alive.

use std::io;
use std::ptr::NonNull;

/// Not in libc for every target: Linux's asm-generic value.
const MADV_GUARD_INSTALL: libc::c_int = 102;

/// A reserved, lazily committed range of zeroed memory.
pub(crate) struct Region {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: a region is an owned range of addresses; it has no thread affinity.
unsafe impl Send for Region {}
// SAFETY: `&Region` only tells the range.
unsafe impl Sync for Region {}

impl Region {
    /// Reserves `len` bytes at a multiple of `align` (both multiples of the page size).
    pub(crate) fn reserve(len: usize, align: usize) -> io::Result<Region> {
        let wish = len.checked_add(align).ok_or(io::ErrorKind::InvalidInput)?;
        let raw = map(wish)?;
        let start = raw.next_multiple_of(align);
        // SAFETY: both cut-offs lie inside the mapping made above and outside what is returned.
        unsafe {
            unmap(raw, start - raw);
            unmap(start + len, wish - len - (start - raw));
        }
        let base = NonNull::new(std::ptr::with_exposed_provenance_mut::<u8>(start))
            .ok_or(io::ErrorKind::OutOfMemory)?;
        // Transparent huge pages would commit 2 MiB where a routine needs 4 KiB. Kernels without
        // them refuse the advice, and there is nothing to keep them from then.
        // SAFETY: advice about our own mapping.
        unsafe { libc::madvise(base.as_ptr().cast(), len, libc::MADV_NOHUGEPAGE) };
        Ok(Region { base, len })
    }

    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: I1: the region is ours and nobody uses a part of it any more.
        unsafe { unmap(self.base.as_ptr().addr(), self.len) };
    }
}

fn map(len: usize) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    const FLAGS: libc::c_int =
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK;
    #[cfg(not(target_os = "linux"))]
    const FLAGS: libc::c_int = libc::MAP_PRIVATE | libc::MAP_ANON;
    // SAFETY: an anonymous mapping at an address of the kernel's choice touches nothing of ours.
    let at = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            len,
            libc::PROT_READ | libc::PROT_WRITE,
            FLAGS,
            -1,
            0,
        )
    };
    if at == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    Ok(at.expose_provenance())
}

/// # Safety
/// The range is mapped by us and used by nobody; an empty range is allowed.
unsafe fn unmap(at: usize, len: usize) {
    if len > 0 {
        // SAFETY: the caller's promise.
        let result = unsafe { libc::munmap(std::ptr::with_exposed_provenance_mut(at), len) };
        debug_assert_eq!(result, 0, "munmap: {}", io::Error::last_os_error());
    }
}

/// Gives the pages of a range back; it reads as zeroes afterwards.
///
/// # Safety
/// The range lies in a live [`Region`] and holds nothing that is needed.
pub(crate) unsafe fn discard(at: *mut u8, len: usize) {
    // SAFETY: the caller's promise. A refusal leaves the pages committed, which is only memory.
    unsafe { libc::madvise(at.cast(), len, libc::MADV_DONTNEED) };
}

/// Makes each of the ranges fault.
///
/// # Safety
/// The ranges are whole pages of one live [`Region`] and hold nothing that is needed.
pub(crate) unsafe fn guard(starts: &[*mut u8], len: usize) -> io::Result<()> {
    // SAFETY: the caller's promise, for each of the ways.
    unsafe {
        if cfg!(force_guard_mprotect) {
            return each(starts, |at| libc::mprotect(at, len, libc::PROT_NONE));
        }
        if !cfg!(force_guard_madvise) && guard_all_at_once(starts, len) {
            return Ok(());
        }
        if each(starts, |at| libc::madvise(at, len, MADV_GUARD_INSTALL)).is_ok() {
            return Ok(());
        }
        each(starts, |at| libc::mprotect(at, len, libc::PROT_NONE))
    }
}

fn each(
    starts: &[*mut u8],
    mut call: impl FnMut(*mut libc::c_void) -> libc::c_int,
) -> io::Result<()> {
    for &at in starts {
        if call(at.cast()) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// # Safety
/// As [`guard`].
#[cfg(target_os = "linux")]
unsafe fn guard_all_at_once(starts: &[*mut u8], len: usize) -> bool {
    /// Linux's `PIDFD_SELF_PROCESS`: this process, without opening a descriptor.
    const PIDFD_SELF_PROCESS: libc::c_int = -10001;
    /// UIO_MAXIOV.
    const MOST: usize = 1024;
    starts.chunks(MOST).all(|starts| {
        let ranges: Vec<libc::iovec> = starts
            .iter()
            .map(|&at| libc::iovec {
                iov_base: at.cast(),
                iov_len: len,
            })
            .collect();
        // SAFETY: the caller's promise; the kernel reads `ranges` during the call only.
        let done = unsafe {
            libc::syscall(
                libc::SYS_process_madvise,
                PIDFD_SELF_PROCESS,
                ranges.as_ptr(),
                ranges.len(),
                MADV_GUARD_INSTALL,
                0,
            )
        };
        usize::try_from(done).is_ok_and(|done| done == len * starts.len())
    })
}

/// # Safety
/// As [`guard`].
#[cfg(not(target_os = "linux"))]
unsafe fn guard_all_at_once(_starts: &[*mut u8], _len: usize) -> bool {
    false
}

/// The size of a page in bytes.
pub(crate) fn page_size() -> usize {
    // SAFETY: a question without side effects.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_aligned_and_zeroed() {
        let region = Region::reserve(1 << 20, 1 << 18).unwrap();
        assert_eq!(region.base().as_ptr().addr() % (1 << 18), 0);
        assert_eq!(region.len(), 1 << 20);
        // SAFETY: inside the region.
        unsafe {
            assert_eq!(region.base().as_ptr().read(), 0);
            region.base().as_ptr().write(7);
            discard(region.base().as_ptr(), 1 << 18);
            assert_eq!(region.base().as_ptr().read(), 0);
        }
    }

    #[test]
    fn absurd_sizes_are_errors() {
        assert!(Region::reserve(1 << 60, 1 << 18).is_err());
        assert!(Region::reserve(usize::MAX - 4095, 1 << 18).is_err());
    }
}
