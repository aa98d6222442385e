//! The programs, one folder per side, one file per kind of work, the same names on each side. The Go side lies in `go/`.

pub(crate) mod echo;
pub(crate) mod ours;
mod stuck;
pub(crate) mod thread_channels;
pub(crate) mod threads;
pub(crate) mod tokio;
mod work;
