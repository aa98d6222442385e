//! A handler for memory faults, on a stack of its own, that leaves everybody else's in place.
//!
//! A routine that overflows has no stack left to run a handler on, so each worker thread has an
//! alternate one. The handler is installed once per process with SA_ONSTACK and chains to the one
//! it found (std's, a crash reporter's) for every fault that is not ours.
//!
//! I1: what runs in `on_fault` is async-signal-safe: no allocation, no lock, no unwinding.

use std::ffi::c_void;
use std::io;
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use super::memory::Region;

/// Room for the handler and for a hook that a layer above may have set.
const ALTERNATE_STACK: usize = 64 * 1024;

/// Looks at the address of a fault; returns only if it is not ours. See I1.
pub(crate) type OnFault = fn(address: usize);

struct Installed {
    on_fault: OnFault,
    previous: [(libc::c_int, libc::sigaction); 2],
}

// SAFETY: plain data; `sigaction` holds a function address and flags.
unsafe impl Send for Installed {}
// SAFETY: as above; never changed after it is set.
unsafe impl Sync for Installed {}

static INSTALLED: OnceLock<Installed> = OnceLock::new();

/// Installs `on_fault` for the process; later calls change nothing.
pub(crate) fn install(on_fault: OnFault) {
    INSTALLED.get_or_init(|| Installed {
        on_fault,
        previous: [
            (libc::SIGSEGV, replace(libc::SIGSEGV)),
            (libc::SIGBUS, replace(libc::SIGBUS)),
        ],
    });
}

fn replace(signal: libc::c_int) -> libc::sigaction {
    // SAFETY: a zeroed sigaction is valid; `handler` has the signature SA_SIGINFO asks for.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut c_void) = handler;
        action.sa_sigaction = handler as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
        let mut previous = MaybeUninit::<libc::sigaction>::zeroed();
        libc::sigaction(signal, &action, previous.as_mut_ptr());
        previous.assume_init()
    }
}

extern "C" fn handler(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let Some(installed) = INSTALLED.get() else {
        return restore_default(signal);
    };
    // SAFETY: the kernel gives a valid siginfo to an SA_SIGINFO handler.
    (installed.on_fault)(unsafe { (*info).si_addr() }.addr());
    let Some((_, previous)) = installed.previous.iter().find(|(s, _)| *s == signal) else {
        return restore_default(signal);
    };
    match previous.sa_sigaction {
        libc::SIG_DFL => restore_default(signal),
        libc::SIG_IGN => {}
        address if previous.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: the previous owner installed a function of this signature (SA_SIGINFO).
            let previous: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut c_void) =
                unsafe { std::mem::transmute(address) };
            previous(signal, info, context);
        }
        address => {
            // SAFETY: without SA_SIGINFO the previous owner installed a one-argument function.
            let previous: extern "C" fn(libc::c_int) = unsafe { std::mem::transmute(address) };
            previous(signal);
        }
    }
}

/// The fault happens again on return, and then ends the process as it would have without us.
fn restore_default(signal: libc::c_int) {
    // SAFETY: a zeroed sigaction is SIG_DFL; sigaction is async-signal-safe.
    unsafe {
        let action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, &action, std::ptr::null_mut());
    }
}

/// The alternate signal stack of one thread; taken off again when dropped.
pub(crate) struct AlternateStack {
    memory: Region,
}

impl AlternateStack {
    /// Gives the calling thread an alternate stack with a guard below it.
    pub(crate) fn install() -> io::Result<AlternateStack> {
        let page = super::memory::page_size();
        let memory = Region::reserve(ALTERNATE_STACK + page, page)?;
        let base = memory.base().as_ptr();
        // SAFETY: the lowest page of a region that nobody uses yet.
        unsafe { super::memory::guard(&[base], page)? };
        let stack = libc::stack_t {
            // SAFETY: inside the region.
            ss_sp: unsafe { base.add(page) }.cast(),
            ss_flags: 0,
            ss_size: ALTERNATE_STACK,
        };
        // SAFETY: the memory outlives its use: `drop` takes it off first.
        if unsafe { libc::sigaltstack(&stack, std::ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(AlternateStack { memory })
    }
}

impl Drop for AlternateStack {
    fn drop(&mut self) {
        let off = libc::stack_t {
            ss_sp: std::ptr::null_mut(),
            ss_flags: libc::SS_DISABLE,
            ss_size: self.memory.len(),
        };
        // SAFETY: called on the thread that installed it, outside of any handler.
        unsafe { libc::sigaltstack(&off, std::ptr::null_mut()) };
    }
}

/// Writes to stderr from a signal handler: no locks, no allocation.
pub(crate) fn write_stderr(mut text: &[u8]) {
    while !text.is_empty() {
        // SAFETY: `text` is readable for its length.
        let n = unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
        match usize::try_from(n) {
            Ok(n) if n > 0 => text = &text[n..],
            _ => return,
        }
    }
}

/// Ends the process by SIGABRT.
pub(crate) fn abort() -> ! {
    // SAFETY: abort is async-signal-safe.
    unsafe { libc::abort() }
}
