//! The form all data files here share: one entry a line, `#` starts a comment.

/// The entries of a list, trimmed.
pub(crate) fn lines(text: &str) -> Vec<&str> {
    text.lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty())
        .collect()
}

#[test]
fn comments_and_empty_lines_are_no_entries() {
    assert_eq!(lines("# head\n\n a b # tail\nc\n"), ["a b", "c"]);
}
