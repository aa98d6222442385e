//! Names: what is looked up, and that a resolver which hangs stops nobody who does not ask it.

use std::io::ErrorKind;
use std::net::{self, IpAddr, SocketAddr};
use std::path::Path;
use std::process::Command;

use rust_routines::net::ToSocketAddrs;
use rust_routines::runtime;
use rust_routines_tests::process::{Running, SilentResolver};
use rust_routines_tests::{eventually, watched};

use super::{BOTH, start, workers};

/// What ours and std's give, errors as their kind and text.
fn both<A: ToSocketAddrs + net::ToSocketAddrs>(
    addresses: A,
) -> [Result<Vec<SocketAddr>, (ErrorKind, String)>; 2] {
    let said = |error: std::io::Error| (error.kind(), error.to_string());
    let ours = ToSocketAddrs::to_socket_addrs(&addresses).map(Iterator::collect);
    let std = net::ToSocketAddrs::to_socket_addrs(&addresses).map(Iterator::collect);
    [ours.map_err(said), std.map_err(said)]
}

#[track_caller]
fn assert_as_std<A: ToSocketAddrs + net::ToSocketAddrs>(addresses: A) {
    let [ours, std] = both(addresses);
    assert_eq!(ours, std);
}

#[test]
fn all_forms_give_what_std_gives() {
    let v4: SocketAddr = "127.0.0.1:80".parse().unwrap();
    let v6: SocketAddr = "[::1]:80".parse().unwrap();
    let (SocketAddr::V4(only_v4), SocketAddr::V6(only_v6)) = (v4, v6) else {
        panic!("they are what they were written as");
    };
    assert_as_std(v4);
    assert_as_std(only_v4);
    assert_as_std(only_v6);
    assert_as_std((v4.ip(), 1));
    assert_as_std((*only_v4.ip(), 1));
    assert_as_std((*only_v6.ip(), 1));
    assert_as_std(&[v4, v6][..]);
    let borrowed = &v6;
    assert_as_std(borrowed);
    assert_as_std(("127.0.0.1", 1));
    assert_as_std(("::1", 1));
    assert_as_std(("127.0.0.1".to_string(), 1));
    for text in [
        "127.0.0.1:80",
        "[::1]:80",
        "[::1%1]:80",
        "localhost:80",
        "",
        ":",
        "nonsense",
        "127.0.0.1",
        "::1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "name:http",
        "zero\0byte:80",
        "[::1",
        "[::1]:x",
    ] {
        assert_as_std(text);
        assert_as_std(text.to_string());
        let borrowed = &text;
        assert_as_std(borrowed);
    }
    assert!(both("localhost:80")[0].is_ok(), "a name is looked up");
    assert!(both("nonsense")[0].is_err());
}

/// In a routine by a thread that is told by its name, on a thread by itself.
#[test]
fn a_name_that_nobody_has_is_an_error() {
    watched(|| {
        let runtime = workers(1);
        for on in BOTH {
            // Set aside for this; a zero byte is refused before anybody is asked, so no network is needed.
            let asks = start(&runtime, on, || {
                ("no\0name", 80)
                    .to_socket_addrs()
                    .map(drop)
                    .unwrap_err()
                    .kind()
            });
            assert_eq!(asks.join(), ErrorKind::InvalidInput);
        }
        eventually("the routine's look-up is counted", || {
            runtime.metrics().lookups.finished == 1
        });
    });
}

#[test]
fn no_thread_is_started_for_addresses_and_at_least_one_is_allowed() {
    let runtime = workers(1);
    runtime.run(|| {
        let all = ["127.0.0.1:1", "[::1]:1"];
        let ips = all.map(|text| text.to_socket_addrs().unwrap().next().unwrap().ip());
        assert!(ips.iter().all(IpAddr::is_loopback));
    });
    let lookups = runtime.metrics().lookups;
    assert_eq!(
        (lookups.threads, lookups.finished, lookups.most_threads),
        (0, 0, 32)
    );
    let refused = runtime::Builder::new()
        .lookup_threads(0)
        .build()
        .unwrap_err();
    assert!(refused.to_string().contains("at least 1"), "{refused}");
}

#[test]
fn a_resolver_that_hangs_stops_only_those_who_ask_it() {
    let resolver = SilentResolver::new(Path::new(env!("CARGO_TARGET_TMPDIR")), "hangs");
    let mut child = Command::new(env!("CARGO_BIN_EXE_scenario"));
    let mut child = Running::start(resolver.asked_by(child.arg("lookups-hang")));
    child.wait_for_line("hung");
    resolver.answer();
    let ended = child.finish().success();

    assert_eq!(ended.value("addresses"), "true");
    assert_eq!(ended.number("threads.before"), 0);
    assert_eq!(ended.value("mate"), "Ok(7)", "the worker goes on");
    assert_eq!(
        ended.value("blocking"),
        "Ok(8)",
        "other blocking work goes on"
    );
    assert_eq!(ended.value("elapsed"), "Ok(true)", "a limit ends the wait");
    assert_eq!(ended.number("queued"), 1, "at the cap they queue");
    assert_eq!(
        ended.value("shutdown"),
        "true",
        "a shutdown does not wait for it"
    );
    assert_eq!(ended.value("left"), "true");
    assert_eq!(ended.number("finished.hung"), 0, "and it did hang");
    assert_eq!(ended.value("connected"), "Ok(true)");
}
