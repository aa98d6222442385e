//! The report for the terminal.

use super::{Report, cells, remarks, source};

/// All tables, in columns.
pub(super) fn render(report: &Report) -> String {
    let mut text = format!("\n{}\n", source(report));
    for cells in [
        cells::main(report),
        cells::further_ratios(report),
        cells::latency(report),
        cells::further(report),
    ] {
        if cells.len() > 1 {
            text.push('\n');
            text.push_str(&aligned(&cells));
        }
    }
    for remark in remarks(report) {
        text.push_str(&format!("\n{remark}"));
    }
    text
}

/// Cells in columns; numbers to the right.
fn aligned(cells: &[Vec<String>]) -> String {
    let width = |column: usize| {
        cells
            .iter()
            .filter_map(|line| line.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..cells.first().map_or(0, Vec::len))
        .map(|column| width(column).unwrap_or(0))
        .collect();
    let mut text = String::new();
    for line in cells {
        let padded: Vec<String> = line
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, width))| {
                if column < 2 {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            })
            .collect();
        text.push_str(padded.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn columns_are_aligned() {
        let cells = vec![
            vec!["a".into(), "b".into(), "c".into()],
            vec!["long".into(), "b".into(), "100".into()],
        ];
        assert_eq!(aligned(&cells), "a     b    c\nlong  b  100\n");
    }

    #[test]
    fn remarks_are_part_of_the_report() {
        let text = render(&report());
        assert!(
            text.contains("spawn_join") && text.ends_with("\na remark"),
            "{text}"
        );
    }
}
