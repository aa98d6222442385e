//! The plot of where connections live: the row `conn_spread`, run once, with a bar for each worker of each case.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::proc;
use crate::report::svg::{STYLE, escaped};
use crate::sample::Sample;
use crate::sides::ours::spread::CASES;

/// The row takes some ten seconds.
const LIMIT: Duration = Duration::from_secs(180);

/// What a worker may have of its share; the same bound as in the table.
pub(crate) const MUST: f64 = 1.5;

const WIDTH: f64 = 820.0;
const LEFT: f64 = 290.0;
const RIGHT: f64 = 110.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 16.0;
const BAR: f64 = 9.0;
const GAP: f64 = 14.0;
/// The right end of the scale, in shares.
const MOST: f64 = 1.75;

/// Runs the row and writes `connections.svg` into `out`.
pub(crate) fn run(out: &Path) -> Result<(), String> {
    let itself = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut command = Command::new(itself);
    command.args(["--side", "ours", "--row", "conn_spread"]);
    let sample = Sample::parse(&proc::run(&mut command, LIMIT)?)?;
    for case in &CASES {
        let counts = counts(&sample, case.workers, |i| case.count(i));
        println!("{:<42} {counts:?}", case.about);
    }
    println!(
        "the largest share is {:.2} times the fair one (must: {MUST})",
        sample.value
    );
    std::fs::create_dir_all(out).map_err(|e| format!("{}: {e}", out.display()))?;
    let file = out.join("connections.svg");
    std::fs::write(&file, render(&sample)).map_err(|e| format!("{}: {e}", file.display()))?;
    println!("wrote {}", file.display());
    Ok(())
}

fn counts(sample: &Sample, workers: usize, name: impl Fn(usize) -> String) -> Vec<f64> {
    let count = |i| sample.figure(&name(i)).unwrap_or(0.0);
    (0..workers).map(count).collect()
}

fn x(share: f64) -> f64 {
    LEFT + share.min(MOST) / MOST * (WIDTH - LEFT - RIGHT)
}

fn render(sample: &Sample) -> String {
    let bars: usize = CASES.iter().map(|case| case.workers).sum();
    let height = TOP + bars as f64 * (BAR + 1.0) + CASES.len() as f64 * GAP + BOTTOM;
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">
<title>Connections of each worker</title>
<style>{STYLE}</style>
<rect class="page" width="{WIDTH}" height="{height}" rx="6"/>
<text class="title" x="16" y="24">1000 connections: what each worker has, where the fair share is 1</text>"#
    );
    for (share, class) in [(0.5, "grid"), (1.0, "one"), (MUST, "must")] {
        let _ = writeln!(
            svg,
            r#"<line class="{class}" x1="{0:.1}" y1="{TOP}" x2="{0:.1}" y2="{1}"/>
<text class="small" x="{0:.1}" y="{2}" text-anchor="middle">{share}</text>"#,
            x(share),
            height - BOTTOM,
            TOP - 8.0
        );
    }
    let mut y = TOP + GAP / 2.0;
    for case in &CASES {
        let counts = counts(sample, case.workers, |i| case.count(i));
        group(&mut svg, case.about, &counts, y);
        y += case.workers as f64 * (BAR + 1.0) + GAP;
    }
    svg.push_str("</svg>\n");
    svg
}

fn group(svg: &mut String, about: &str, counts: &[f64], top: f64) {
    let fair = counts.iter().sum::<f64>() / counts.len() as f64;
    let middle = top + counts.len() as f64 * (BAR + 1.0) / 2.0;
    let _ = writeln!(
        svg,
        r#"<text x="{}" y="{:.1}" text-anchor="end">{}</text>"#,
        LEFT - 8.0,
        middle + 4.0,
        escaped(about)
    );
    for (i, count) in counts.iter().enumerate() {
        let share = if fair > 0.0 { count / fair } else { 0.0 };
        let (y, width) = (top + i as f64 * (BAR + 1.0), x(share) - LEFT);
        let class = if share <= MUST { "good" } else { "bad" };
        let _ = writeln!(
            svg,
            r#"<rect class="{class}" x="{LEFT}" y="{y:.1}" width="{width:.1}" height="{BAR}"/>"#
        );
    }
    let most = counts.iter().copied().fold(0.0, f64::max);
    let least = counts.iter().copied().fold(f64::MAX, f64::min);
    let _ = writeln!(
        svg,
        r#"<text x="{}" y="{:.1}">{least:.0} to {most:.0}</text>"#,
        WIDTH - RIGHT + 12.0,
        middle + 4.0
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(count: impl Fn(usize) -> f64) -> Sample {
        let mut sample = Sample::of(1.0);
        for case in &CASES {
            for i in 0..case.workers {
                sample = sample.with(&case.count(i), count(i));
            }
        }
        sample
    }

    #[test]
    fn every_worker_of_every_case_has_a_bar() {
        let svg = render(&sample(|_| 250.0));
        let bars: usize = CASES.iter().map(|case| case.workers).sum();
        assert_eq!(svg.matches(r#"class="good""#).count(), bars);
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n") && !svg.contains("NaN"));
        for case in &CASES {
            assert!(svg.contains(case.about), "{}", case.about);
        }
    }

    #[test]
    fn who_has_too_many_is_seen() {
        let svg = render(&sample(|i| if i == 0 { 900.0 } else { 100.0 }));
        assert_eq!(svg.matches(r#"class="bad""#).count(), CASES.len());
    }
}
