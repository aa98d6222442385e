//! What two runtimes with nothing to do cost: CPU time and waits of all their threads during ten seconds.
//!
//! In a child, because this process has threads of its own. The child counts from the moment its last routine has ended:
//! the workers' way to sleep is part of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rust_routines::routine;
use rust_routines::runtime::{Builder, Runtime};

use crate::proc;
use crate::sample::Sample;

/// How long they idle.
const IDLE: Duration = Duration::from_secs(10);

/// What they may use meanwhile, in milliseconds.
const MUST_MS: f64 = 5.0;

/// The process with the two runtimes.
pub(crate) fn child() -> Result<(), String> {
    let runtimes = [runtime("first")?, runtime("second")?];
    for runtime in &runtimes {
        // Every worker gets something to do, so that all of them have been awake.
        runtime.run(|| {
            let handles: Vec<_> = (0..1000)
                .map(|_| routine::spawn(routine::yield_now))
                .collect();
            handles
                .into_iter()
                .for_each(|handle| handle.join().expect("a routine that yields"));
        });
    }
    let waits = waits_by_thread();
    let before = proc::cpu_time();
    std::thread::sleep(IDLE);
    let used = proc::cpu_time() - before;
    let mut sample = Sample::of((used.as_secs_f64() * 1e3).max(f64::MIN_POSITIVE));
    let mut total = 0.0;
    for (thread, count) in waits_by_thread() {
        let added = count - waits.get(&thread).copied().unwrap_or(0.0);
        total += added;
        sample = sample.with(&format!("waits of {thread}"), added);
    }
    sample = sample
        .with("voluntary_switches", total)
        .with_known("peak_rss_mib", proc::peak_rss_mib());
    println!(
        "{}",
        serde_json::to_string(&sample).map_err(|e| e.to_string())?
    );
    Ok(())
}

fn runtime(name: &str) -> Result<Runtime, String> {
    Builder::new()
        .workers(2)
        .name(name)
        .build()
        .map_err(|e| e.to_string())
}

/// How often each thread has gone to sleep so far, by its number and name; empty where there is no `/proc`.
///
/// This thread's own sleep is in it, once: a total of one is perfect.
fn waits_by_thread() -> BTreeMap<String, f64> {
    let Ok(threads) = fs::read_dir("/proc/self/task") else {
        return BTreeMap::new();
    };
    let waits = threads.flatten().filter_map(|thread| {
        let status = fs::read_to_string(thread.path().join("status")).ok()?;
        let name = status
            .lines()
            .find_map(|line| line.strip_prefix("Name:"))?
            .trim()
            .to_owned();
        let id = thread.file_name().to_string_lossy().into_owned();
        Some((
            format!("{id} {name}"),
            proc::field(&status, "voluntary_ctxt_switches")?,
        ))
    });
    waits.collect()
}

/// Runs the child and judges it.
pub(crate) fn run(out: &Path) -> Result<(), String> {
    let itself = std::env::current_exe().map_err(|e| e.to_string())?;
    let output = proc::run(
        Command::new(itself).arg("--idle-child"),
        IDLE + Duration::from_secs(60),
    )?;
    let sample = Sample::parse(&output)?;
    println!(
        "two runtimes of two workers, idle for {IDLE:?}: {:.3} ms of CPU time (must: {MUST_MS} ms)",
        sample.value
    );
    for (name, value) in &sample.extras {
        println!("  {name}: {value:.0}");
    }
    fs::create_dir_all(out).map_err(|e| e.to_string())?;
    let file = out.join("idle.json");
    let json =
        serde_json::json!({ "cpu_ms": sample.value, "must": MUST_MS, "extras": sample.extras });
    fs::write(&file, format!("{json:#}\n")).map_err(|e| format!("{}: {e}", file.display()))?;
    if sample.value <= MUST_MS {
        Ok(())
    } else {
        Err(format!("idle runtimes used {:.3} ms", sample.value))
    }
}
