//! The guide's pages as documentation, so that `cargo test` compiles and runs every
//! Rust block in them.
//!
//! The pages themselves are in `pages/`, where `mdbook` finds them; this folder
//! holds only Rust. One module for each page: a failing block is then reported with
//! the page's name. `tests/pages.rs` fails when a page is missing here or in the
//! book's table of contents.
#![forbid(unsafe_code)]

/// A module for each page, its text as the module's documentation.
macro_rules! pages {
    ($($page:ident)*) => {
        $(
            #[doc = include_str!(concat!("../pages/", stringify!($page), ".md"))]
            pub mod $page {}
        )*
    };
}

pages! {
    introduction
    routines
    main
    channels
    select
    sync
    time
    net
    files
    computing
    context
    errors
    futures
    gostd
    pitfalls
    tuning
}

/// The README's program, so that it is compiled and run too.
#[doc = include_str!("../../README.md")]
pub mod readme {}
