//! Why a routine waits, in the words that reports use: Go's where Go has them.

/// The reason of a wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Reason {
    /// It does not wait.
    Running,
    Yield,
    Sleep,
    Park,
    Join,
    ChanSend,
    ChanReceive,
    Mutex,
    WaitGroup,
    RwRead,
    RwWrite,
    Condvar,
    Semaphore,
    Barrier,
    Latch,
    Once,
    Notify,
    IoWait,
    IoTurn,
    Select,
    Blocking,
    Lookup,
    Scope,
    Token,
}

impl Reason {
    const ALL: [Reason; 24] = [
        Reason::Running,
        Reason::Yield,
        Reason::Sleep,
        Reason::Park,
        Reason::Join,
        Reason::ChanSend,
        Reason::ChanReceive,
        Reason::Mutex,
        Reason::WaitGroup,
        Reason::RwRead,
        Reason::RwWrite,
        Reason::Condvar,
        Reason::Semaphore,
        Reason::Barrier,
        Reason::Latch,
        Reason::Once,
        Reason::Notify,
        Reason::IoWait,
        Reason::IoTurn,
        Reason::Select,
        Reason::Blocking,
        Reason::Lookup,
        Reason::Scope,
        Reason::Token,
    ];

    pub(crate) fn from_u8(raw: u8) -> Reason {
        Self::ALL
            .get(usize::from(raw))
            .copied()
            .unwrap_or(Reason::Running)
    }

    /// Whether it waits for anything.
    #[inline]
    pub(crate) fn is_wait(self) -> bool {
        self as u8 > Reason::Yield as u8
    }

    /// Whether the world outside ended the wait: then the routine is likely one that hands out
    /// work (an accept loop, a ticker), and its children are spread.
    pub(crate) fn is_external(self) -> bool {
        matches!(self, Reason::Sleep | Reason::IoWait)
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Reason::Running => "running",
            Reason::Yield => "runnable",
            Reason::Sleep => "sleep",
            Reason::Park => "park",
            Reason::Join => "join",
            Reason::ChanSend => "chan send",
            Reason::ChanReceive => "chan receive",
            Reason::Mutex => "sync.Mutex.Lock",
            Reason::WaitGroup => "sync.WaitGroup.Wait",
            Reason::RwRead => "sync.RWMutex.RLock",
            Reason::RwWrite => "sync.RWMutex.Lock",
            Reason::Condvar => "sync.Cond.Wait",
            Reason::Semaphore => "semacquire",
            Reason::Barrier => "barrier",
            Reason::Latch => "latch",
            Reason::Once => "once",
            Reason::Notify => "notify",
            Reason::IoWait => "IO wait",
            Reason::IoTurn => "IO turn",
            Reason::Select => "select",
            Reason::Blocking => "blocking call",
            Reason::Lookup => "name look-up",
            Reason::Scope => "scope",
            Reason::Token => "cancel token",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_reasons_agree() {
        for (i, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, i);
            assert_eq!(Reason::from_u8(i as u8), reason);
        }
    }
}
