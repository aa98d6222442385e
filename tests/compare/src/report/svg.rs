//! The plot: a bar for each row, how long ours takes where Go takes 1, with marks for must and aim.
//!
//! The scale is logarithmic: half and double are equally far from 1, and 0.02 can still be told from 0.04. Written by
//! hand, because a plotting crate cannot do what a document needs: colours that follow the reader's light or dark theme.

use std::fmt::Write;

use super::Report;
use super::cells::ratio;
use crate::outcome::Verdict;
use crate::rows::{Against, Side};

/// One row of the plot.
pub(super) struct Bar {
    name: String,
    go: f64,
    tokio: Option<f64>,
    must: Option<f64>,
    aim: Option<f64>,
    verdict: Verdict,
}

/// The rows that have a ratio to Go of which less is better.
pub(super) fn bars(report: &Report) -> Vec<Bar> {
    let plotted = report
        .outcomes
        .iter()
        .filter(|outcome| outcome.row.unit != "x");
    plotted
        .filter_map(|outcome| {
            let target = outcome.row.targets.iter().find(|target| {
                target.of == Side::Ours
                    && (target.metric, target.against) == ("value", Against::Ratio(Side::Go))
            });
            // Of a rate more is better: the time of one is its inverse, and so is the ratio.
            let time = |ratio: f64| {
                if outcome.row.is_rate() {
                    1.0 / ratio
                } else {
                    ratio
                }
            };
            Some(Bar {
                name: outcome.row.name.to_owned(),
                go: time(outcome.ratio("value", Side::Go)?),
                tokio: outcome.ratio("value", Side::Tokio).map(time),
                must: target.map(|target| time(target.must)),
                aim: target.and_then(|target| target.aim).map(time),
                verdict: outcome.verdict(),
            })
        })
        .collect()
}

const WIDTH: f64 = 820.0;
const LEFT: f64 = 150.0;
const RIGHT: f64 = 200.0;
const TOP: f64 = 56.0;
const STEP: f64 = 30.0;
const BOTTOM: f64 = 44.0;

/// The ends of the scale that the usual figures need; what lies beyond widens it.
const SCALE: (f64, f64) = (0.02, 4.0);

/// Colours for light pages, then for dark ones.
pub(crate) const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:#1f2328}.small{font-size:11px;fill:#59636e}.title{font-size:15px;font-weight:600}\
.page{fill:#ffffff}.grid{stroke:#d1d9e0;stroke-width:1}.one{stroke:#59636e;stroke-width:1.5}\
.good{fill:#2da44e}.bad{fill:#cf222e}.info{fill:#6e7781}.tokio{fill:#8250df}\
.must{stroke:#1f2328;stroke-width:2.5}.aim{stroke:#1f2328;stroke-width:1.5;stroke-dasharray:3 2}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9198a1}.page{fill:#0d1117}.grid{stroke:#30363d}\
.one{stroke:#9198a1}.good{fill:#3fb950}.bad{fill:#f85149}.info{fill:#8b949e}.tokio{fill:#a371f7}\
.must,.aim{stroke:#e6edf3}}";

/// A logarithmic scale from ratios to pixels.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn of(bars: &[Bar]) -> Self {
        let all = bars
            .iter()
            .flat_map(|bar| [Some(bar.go), bar.tokio, bar.must, bar.aim])
            .flatten();
        let (low, high) = all.fold(SCALE, |(low, high), value| {
            (low.min(value / 1.2), high.max(value * 1.2))
        });
        Self { low, high }
    }

    fn x(&self, value: f64) -> f64 {
        let share = (value / self.low).ln() / (self.high / self.low).ln();
        LEFT + share * (WIDTH - LEFT - RIGHT)
    }

    /// Round numbers within the scale.
    fn ticks(&self) -> impl Iterator<Item = f64> + '_ {
        let decades = -4..=4;
        let numbers =
            decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(decade)));
        numbers.filter(|number| (self.low..=self.high).contains(number))
    }
}

/// The plot as SVG.
pub(super) fn render(bars: &[Bar]) -> String {
    let scale = Scale::of(bars);
    let height = TOP + STEP * bars.len() as f64 + BOTTOM;
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">"#
    );
    let _ = writeln!(svg, "<title>Time of rust-routines where Go takes 1</title>");
    let _ = writeln!(svg, "<style>{STYLE}</style>");
    let _ = writeln!(
        svg,
        r#"<rect class="page" width="{WIDTH}" height="{height}" rx="6"/>"#
    );
    let _ = writeln!(
        svg,
        r#"<text class="title" x="16" y="24">Time of rust-routines where Go takes 1 (less is better)</text>"#
    );
    grid(&mut svg, &scale, height);
    for (i, bar) in bars.iter().enumerate() {
        row(&mut svg, &scale, bar, TOP + STEP * i as f64);
    }
    legend(&mut svg, height - 12.0);
    svg.push_str("</svg>\n");
    svg
}

fn grid(svg: &mut String, scale: &Scale, height: f64) {
    let bottom = height - BOTTOM;
    for tick in scale.ticks() {
        let (x, class) = (scale.x(tick), if tick == 1.0 { "one" } else { "grid" });
        let _ = writeln!(
            svg,
            r#"<line class="{class}" x1="{x:.1}" y1="{TOP}" x2="{x:.1}" y2="{bottom}"/>"#
        );
        let _ = writeln!(
            svg,
            r#"<text class="small" x="{x:.1}" y="{}" text-anchor="middle">{tick}x</text>"#,
            TOP - 8.0
        );
    }
}

fn row(svg: &mut String, scale: &Scale, bar: &Bar, y: f64) {
    let class = match bar.verdict {
        Verdict::Aim | Verdict::Must => "good",
        Verdict::Missed | Verdict::Failed => "bad",
        Verdict::Measured | Verdict::Unknown => "info",
    };
    let width = |value: f64| scale.x(value) - LEFT;
    let name = escaped(&bar.name);
    let _ = writeln!(
        svg,
        r#"<text x="{}" y="{:.1}" text-anchor="end">{name}</text>"#,
        LEFT - 8.0,
        y + 16.0
    );
    let _ = writeln!(
        svg,
        r#"<rect class="{class}" x="{LEFT}" y="{:.1}" width="{:.1}" height="11"/>"#,
        y + 5.0,
        width(bar.go)
    );
    if let Some(tokio) = bar.tokio {
        let _ = writeln!(
            svg,
            r#"<rect class="tokio" x="{LEFT}" y="{:.1}" width="{:.1}" height="4"/>"#,
            y + 18.0,
            width(tokio)
        );
    }
    for (mark, class) in [(bar.must, "must"), (bar.aim, "aim")] {
        if let Some(x) = mark.map(|mark| scale.x(mark)) {
            let _ = writeln!(
                svg,
                r#"<line class="{class}" x1="{x:.1}" y1="{:.1}" x2="{x:.1}" y2="{:.1}"/>"#,
                y + 2.0,
                y + 19.0
            );
        }
    }
    let mut text = ratio(Some(bar.go));
    if let Some(must) = bar.must {
        let _ = write!(text, "  must {}", ratio(Some(must)));
    }
    if let Some(aim) = bar.aim {
        let _ = write!(text, "  aim {}", ratio(Some(aim)));
    }
    let _ = writeln!(
        svg,
        r#"<text x="{}" y="{:.1}">{text}</text>"#,
        WIDTH - RIGHT + 12.0,
        y + 16.0
    );
}

fn legend(svg: &mut String, y: f64) {
    let entries = [
        ("good", "reached"),
        ("bad", "missed"),
        ("info", "nothing to reach"),
        ("tokio", "the same against tokio = 1"),
    ];
    let mut x = LEFT;
    for (class, text) in entries {
        let _ = writeln!(
            svg,
            r#"<rect class="{class}" x="{x}" y="{:.1}" width="10" height="10"/>"#,
            y - 9.0
        );
        let _ = writeln!(
            svg,
            r#"<text class="small" x="{}" y="{y}">{text}</text>"#,
            x + 15.0
        );
        x += 30.0 + 6.5 * text.len() as f64;
    }
    for (class, text) in [("must", "must"), ("aim", "aim")] {
        let _ = writeln!(
            svg,
            r#"<line class="{class}" x1="{x}" y1="{:.1}" x2="{x}" y2="{:.1}"/>"#,
            y - 11.0,
            y + 2.0
        );
        let _ = writeln!(
            svg,
            r#"<text class="small" x="{}" y="{y}">{text}</text>"#,
            x + 6.0
        );
        x += 48.0;
    }
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::tests::measured;
    use crate::report::tests::report;

    fn bar(go: f64) -> Bar {
        Bar {
            name: "a<b&c".into(),
            go,
            tokio: Some(0.5),
            must: Some(0.45),
            aim: Some(0.25),
            verdict: Verdict::Aim,
        }
    }

    #[test]
    fn the_scale_is_logarithmic_and_holds_everything() {
        let scale = Scale::of(&[bar(9.0), bar(0.001)]);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
        assert!(
            near(scale.x(0.2) - scale.x(0.1), scale.x(2.0) - scale.x(1.0)),
            "doubling is one distance everywhere"
        );
        assert!(scale.x(0.001) > LEFT && scale.x(9.0) < WIDTH - RIGHT);
        assert!(scale.ticks().any(|tick| tick == 1.0), "1 is Go itself");
    }

    #[test]
    fn a_row_without_a_ratio_to_go_has_no_bar() {
        let bars = bars(&report());
        assert_eq!(bars.len(), 1);
        assert_eq!(
            (bars[0].name.as_str(), bars[0].go, bars[0].must),
            ("spawn_join", 0.25, Some(0.45))
        );
    }

    #[test]
    fn a_rate_is_plotted_as_the_time_of_one() {
        let mut report = report();
        let sides: &[(Side, &[f64])] = &[(Side::Ours, &[200.0]), (Side::Go, &[100.0])];
        report.outcomes = vec![measured("echo_100", sides)];
        let bars = bars(&report);
        assert_eq!((bars[0].go, bars[0].must), (0.5, Some(1.0 / 1.3)));
    }

    #[test]
    fn the_svg_is_well_formed() {
        let svg = render(&[bar(0.3), bar(3.0)]);
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("a&lt;b&amp;c") && svg.contains("prefers-color-scheme:dark"));
        // Every element is closed, by itself or by its counterpart.
        for element in ["svg", "title", "style", "text"] {
            let opened = svg.matches(&format!("<{element}")).count();
            assert_eq!(
                opened,
                svg.matches(&format!("</{element}>")).count(),
                "{element}"
            );
        }
        for line in svg
            .lines()
            .filter(|line| line.starts_with("<rect") || line.starts_with("<line"))
        {
            assert!(
                line.ends_with("/>") && !line.contains("NaN") && !line.contains("=\"-"),
                "{line}"
            );
        }
    }
}
