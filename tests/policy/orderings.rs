//! Every atomic operation stronger than `Relaxed` says which one it pairs with, in
//! an `ORDER:` comment on its line or just above. A call that rustfmt broke over many
//! lines counts from the line of its parenthesis.

use crate::source::{Finding, Kind, Source};

/// How many lines above an ordering its `ORDER:` may begin.
const LINES_ABOVE: usize = 6;

const STRONG: [&str; 4] = ["Acquire", "Release", "AcqRel", "SeqCst"];

/// Checks all code but tests and imports of the names.
pub(crate) fn check(sources: &[Source]) -> Vec<Finding> {
    sources.iter().flat_map(check_source).collect()
}

fn check_source(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut in_use = false;
    let mut calls = Vec::new();
    for (index, token) in source.tokens.iter().enumerate() {
        match token.kind {
            Kind::Punct(';') => in_use = false,
            // Of a block's line nothing follows for what stands inside.
            Kind::Open('(') => calls.push(Some(token.line)),
            Kind::Open(_) => calls.push(None),
            Kind::Close(_) => {
                calls.pop();
            }
            _ => {}
        }
        // `impl Trait + use<'a>` is the other meaning of the word.
        let next_is_generic = source
            .tokens
            .get(index + 1)
            .is_some_and(|next| next.is_punct('<'));
        if token.is("use") && !next_is_generic {
            in_use = true;
        }
        let Some(word) = token.ident().filter(|word| STRONG.contains(word)) else {
            continue;
        };
        let call = calls.last().copied().flatten().unwrap_or(token.line);
        let is_explained = [token.line, call]
            .into_iter()
            .any(|line| source.has_word_near("ORDER:", line, LINES_ABOVE));
        if !in_use && !token.test_only && !is_explained {
            let message =
                format!("`{word}` without `ORDER:` on the line or in the {LINES_ABOVE} above");
            findings.push(source.finding(token.line, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> usize {
        check(&[Source::new("core/src/a.rs", text)]).len()
    }

    #[test]
    fn an_unexplained_ordering_is_found() {
        assert_eq!(findings("fn f() { a.load(Ordering::Acquire); }"), 1);
        assert_eq!(
            findings("fn f() { a.store(1, Release); fence(SeqCst); }"),
            2
        );
        assert_eq!(
            findings("// ORDER: pairs with g.\n\n\n\n\n\n\nfn f() { a.load(Acquire); }"),
            1
        );
    }

    #[test]
    fn an_explained_one_is_fine() {
        assert_eq!(
            findings("fn f() { a.load(Acquire); } // ORDER: pairs with g"),
            0
        );
        assert_eq!(
            findings(
                "// ORDER: pairs with g.\nfn f() {\n  a.cas(\n    0,\n    1,\n    AcqRel,\n  ); }"
            ),
            0
        );
    }

    #[test]
    fn a_call_over_many_lines_counts_from_its_parenthesis() {
        let call = "a.cas(\n  0,\n  1,\n  b,\n  Release,\n  Acquire,\n ); }";
        assert_eq!(
            findings(&format!("// ORDER: g.\n//\n//\n//\nfn f() {{ {call}")),
            0
        );
        let far = "\n".repeat(LINES_ABOVE);
        assert_eq!(findings(&format!("// ORDER: g.\n{far}fn f() {{ {call}")), 2);
        let block = "// ORDER: g.\nfn f() {\n\n\n\n\n\n\n let x = Acquire; }";
        assert_eq!(findings(block), 1);
    }

    #[test]
    fn relaxed_imports_and_tests_need_no_word() {
        assert_eq!(findings("fn f() { a.load(Ordering::Relaxed); }"), 0);
        assert_eq!(
            findings("use std::sync::atomic::Ordering::{Acquire, Release};"),
            0
        );
        assert_eq!(
            findings("#[cfg(test)] mod tests { fn f() { a.load(SeqCst); } }"),
            0
        );
        assert_eq!(
            findings("fn f<'a>() -> impl T + use<'a> { a.load(Acquire) }"),
            1
        );
    }
}
