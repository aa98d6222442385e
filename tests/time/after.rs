//! `after`: a moment to wait for.

use rust_routines::select;
use rust_routines::time::{self, Duration, Instant};
use rust_routines_tests::watched;

use super::{HOUR, MOMENT, on_both};

#[test]
fn it_comes_when_it_says_and_as_often_as_asked() {
    watched(|| {
        on_both(|| {
            let start = Instant::now();
            let after = time::after(MOMENT);
            assert!(after.moment() >= start + MOMENT);
            assert_eq!(after.recv(), after.moment());
            assert!(Instant::now() >= after.moment());
            assert_eq!(after.recv(), after.moment(), "it has come for good");
        });
    });
}

/// D17: the moment that was set, and not that of the look.
#[test]
fn as_an_arm_it_gives_its_moment() {
    watched(|| {
        on_both(|| {
            let after = time::after(Duration::ZERO);
            time::sleep(MOMENT);
            let by_name = select! { moment = after => moment };
            let by_method = select! { moment = after.recv() => moment };
            assert_eq!((by_name, by_method), (after.moment(), after.moment()));
        });
    });
}

#[test]
fn the_earliest_of_several_is_chosen() {
    watched(|| {
        on_both(|| {
            let chosen = select! {
                time::after(HOUR) => 1,
                time::after(MOMENT) => 2,
                time::after(Duration::MAX) => 3,
            };
            assert_eq!(chosen, 2);
        });
    });
}
