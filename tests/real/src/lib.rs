//! Tests against real parts: other runtimes today, servers and their tools later.
//!
//! A crate of its own, and no default member, because these parts are large: `ci/real.sh` runs it.
#![forbid(unsafe_code)]
