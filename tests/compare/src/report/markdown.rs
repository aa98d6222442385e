//! The report to paste into a document.

use super::{Report, cells, remarks, source};

/// All tables as Markdown.
pub(super) fn render(report: &Report) -> String {
    let mut text = format!("{}\n", source(report));
    for cells in [
        cells::main(report),
        cells::further_ratios(report),
        cells::latency(report),
        cells::further(report),
    ] {
        if cells.len() > 1 {
            text.push('\n');
            text.push_str(&table(&cells));
        }
    }
    for remark in remarks(report) {
        text.push_str(&format!("\n- {}\n", remark.replace('\n', " ")));
    }
    text
}

fn table(cells: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | ").replace('\n', " "));
    let Some((headings, rest)) = cells.split_first() else {
        return String::new();
    };
    let rule = (0..headings.len())
        .map(|column| if column < 2 { "---" } else { "---:" })
        .collect::<Vec<_>>()
        .join("|");
    let rest: String = rest.iter().map(|cells| line(cells)).collect();
    format!("{}|{rule}|\n{rest}", line(headings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn every_line_has_as_many_cells() {
        let text = render(&report());
        let counts: Vec<usize> = text
            .lines()
            .filter(|line| line.starts_with('|'))
            .map(|line| line.matches('|').count())
            .collect();
        assert!(
            counts.len() >= 4 && counts.iter().all(|count| *count == counts[0]),
            "{text}"
        );
    }
}
