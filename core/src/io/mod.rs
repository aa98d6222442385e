//! L6: calls on descriptors that park instead of blocking the thread.

mod descriptor;
mod error;

pub(crate) use descriptor::{Descriptor, Left, Side};
pub(crate) use error::is_closed;
