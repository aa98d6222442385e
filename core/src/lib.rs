//! Goroutines for ordinary Rust.
