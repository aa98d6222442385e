//! The plot of how late sleeps end: the row `lateness`, run once on each side, a line for each.

use std::fmt::Write;
use std::path::Path;

use crate::golang::{self, NoGo};
use crate::programs::Programs;
use crate::report::svg::STYLE;
use crate::rows::{self, Side};
use crate::sample::Sample;

/// Which shares of the sleeps are drawn: names of further figures, and how many of a thousand end by then.
pub(crate) const SHARES: [(&str, u32); 14] = [
    ("late_010", 10),
    ("late_050", 50),
    ("late_100", 100),
    ("late_200", 200),
    ("late_300", 300),
    ("late_400", 400),
    ("late_500", 500),
    ("late_600", 600),
    ("late_700", 700),
    ("late_800", 800),
    ("late_900", 900),
    ("late_950", 950),
    ("late_990", 990),
    ("late_998", 998),
];

/// The sleeps of one side.
const SLEEPS: u64 = 2_000;

const WIDTH: f64 = 820.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 90.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 44.0;
/// The ends of the scale, in ns; it is logarithmic.
const SCALE: (f64, f64) = (10_000.0, 10_000_000.0);

/// With the share of sleeps that end no later than so many ns.
pub(crate) fn shares(sample: Sample, mut all: Vec<u64>) -> Sample {
    all.sort_unstable();
    SHARES.iter().fold(sample, |sample, &(name, share)| {
        let late = crate::stats::percentile(&all, f64::from(share) / 1000.0);
        sample.with(name, late as f64)
    })
}

/// Runs the row on each side and writes `lateness.svg` into `out`.
pub(crate) fn run(out: &Path) -> Result<(), String> {
    std::fs::create_dir_all(out).map_err(|e| format!("{}: {e}", out.display()))?;
    let scratch = std::env::temp_dir();
    let programs = Programs {
        itself: std::env::current_exe().map_err(|e| e.to_string())?,
        go: match golang::build(&scratch) {
            Ok(go) => Some(go),
            Err(NoGo::Absent(_)) => None,
            Err(NoGo::Broken(why)) => return Err(why),
        },
        out: scratch,
    };
    let row = rows::all()
        .find(|row| row.name == "lateness")
        .ok_or("there is no such row")?;
    let mut lines = Vec::new();
    for side in [Side::Ours, Side::Go, Side::Tokio] {
        if side.is_go() && programs.go.is_none() {
            println!("go: left out, there is none");
            continue;
        }
        let sample = programs.run(row, side, SLEEPS)?;
        let figure = |name| sample.figure(name).unwrap_or(f64::NAN);
        println!(
            "{:<6} p50 {:>9} p99 {:>9} ns",
            side.name(),
            figure("p50"),
            figure("p99")
        );
        lines.push((side.name(), sample));
    }
    let file = out.join("lateness.svg");
    std::fs::write(&file, render(&lines)).map_err(|e| format!("{}: {e}", file.display()))?;
    println!("wrote {}", file.display());
    Ok(())
}

fn x(share: u32) -> f64 {
    LEFT + f64::from(share) / 1000.0 * (WIDTH - LEFT - RIGHT)
}

fn y(late: f64) -> f64 {
    let (least, most) = SCALE;
    let part = (late.clamp(least, most) / least).log10() / (most / least).log10();
    HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
}

fn render(lines: &[(&str, Sample)]) -> String {
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">
<title>How late sleeps end</title>
<style>{STYLE}
.line{{fill:none;stroke:#59636e;stroke-width:1.5}}.line.ours{{stroke:#2da44e;stroke-width:2.5}}.line.tokio{{stroke:#8250df}}</style>
<rect class="page" width="{WIDTH}" height="{HEIGHT}" rx="6"/>
<text class="title" x="16" y="24">Sleeps of 0.2 to 5.2 ms: how late the given share of them has ended; half of them, at the right</text>"#
    );
    for (late, text) in [
        (1e4, "10 us"),
        (1e5, "100 us"),
        (1e6, "1 ms"),
        (1e7, "10 ms"),
    ] {
        let _ = writeln!(
            svg,
            r#"<line class="grid" x1="{LEFT}" y1="{0:.1}" x2="{1:.1}" y2="{0:.1}"/>
<text class="small" x="{2}" y="{3:.1}" text-anchor="end">{text}</text>"#,
            y(late),
            WIDTH - RIGHT,
            LEFT - 8.0,
            y(late) + 4.0
        );
    }
    for share in [0, 250, 500, 750, 900, 990] {
        let _ = writeln!(
            svg,
            r#"<text class="small" x="{:.1}" y="{}" text-anchor="middle">{}%</text>"#,
            x(share),
            HEIGHT - BOTTOM + 18.0,
            f64::from(share) / 10.0
        );
    }
    for (name, sample) in lines {
        line(&mut svg, name, sample);
    }
    svg.push_str("</svg>\n");
    svg
}

fn line(svg: &mut String, name: &str, sample: &Sample) {
    let points: Vec<String> = SHARES
        .iter()
        .filter_map(|&(figure, share)| Some((share, sample.figure(figure)?)))
        .map(|(share, late)| format!("{:.1},{:.1}", x(share), y(late)))
        .collect();
    let median = sample.figure("p50").unwrap_or(sample.value);
    let _ = writeln!(
        svg,
        r#"<polyline class="line {name}" points="{}"/>
<text class="small" x="{}" y="{:.1}">{name}: {:.0} us</text>"#,
        points.join(" "),
        WIDTH - RIGHT + 6.0,
        y(median) + 4.0,
        median / 1e3
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_side_has_a_line_through_all_shares() {
        let late = (1..=1000).map(|i| i * 1000).collect();
        let sample = shares(Sample::of(500_000.0), late);
        let svg = render(&[("ours", sample.clone()), ("go", sample)]);
        assert_eq!(svg.matches("<polyline").count(), 2);
        let points = svg
            .split("points=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        assert_eq!(
            points.map(|points| points.split(' ').count()),
            Some(SHARES.len())
        );
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n") && !svg.contains("NaN"));
    }
}
