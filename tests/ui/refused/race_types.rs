//! A race whose closures return different things.

fn main() {
    routines::race!(|| 1, || "one");
}
