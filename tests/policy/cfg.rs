//! Which items exist in tests only: those under `#[cfg(test)]`, whose imports
//! and orderings bind nobody.
//!
//! A condition counts when it implies `test`; `any(test, loom)` and `not(test)`
//! do not. An item ends at its block or its semicolon, by the keyword it starts
//! with; what starts with no item keyword (a field, a match arm) is not skipped,
//! which errs on the side of checking too much.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Whether the file says of itself that it is for tests: `#![cfg(test)]`.
pub(crate) fn is_test_file(trees: &[TokenTree]) -> bool {
    trees
        .windows(3)
        .any(|three| is_punct(&three[0], '#') && is_punct(&three[1], '!') && is_test_cfg(&three[2]))
}

/// If an attribute at `start` makes the item after it test-only, the index just
/// past that item.
pub(crate) fn end_of_test_item(trees: &[TokenTree], start: usize) -> Option<usize> {
    if !is_punct(trees.get(start)?, '#') || !is_test_cfg(trees.get(start + 1)?) {
        return None;
    }
    let mut index = start + 2;
    while is_punct(trees.get(index)?, '#') {
        index += 2;
    }
    let keyword = item_keyword(trees, index)?;
    let ends_with_semicolon = matches!(
        keyword.as_str(),
        "use" | "const" | "static" | "type" | "let"
    );
    let length = trees[index..].iter().position(|tree| match tree {
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && !ends_with_semicolon,
        _ => false,
    })?;
    Some(index + length + 1)
}

/// The out-of-line modules of `trees` that are for tests: `#[cfg(test)] mod x;`.
pub(crate) fn test_modules(stream: TokenStream) -> Vec<String> {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let mut names = Vec::new();
    for start in 0..trees.len() {
        let Some(end) = end_of_test_item(&trees, start) else {
            continue;
        };
        let [.., keyword, TokenTree::Ident(name), TokenTree::Punct(_)] = &trees[..end] else {
            continue;
        };
        if matches!(keyword, TokenTree::Ident(word) if word == "mod") {
            names.push(name.to_string());
        }
    }
    names
}

/// The keyword that decides where the item at `index` ends.
fn item_keyword(trees: &[TokenTree], index: usize) -> Option<String> {
    let mut rest = trees[index..].iter().peekable();
    loop {
        let TokenTree::Ident(ident) = rest.next()? else {
            return None;
        };
        let word = ident.to_string();
        match word.as_str() {
            "pub" => {
                rest.next_if(|tree| matches!(tree, TokenTree::Group(_)));
            }
            "const" | "async" | "unsafe" | "extern" if is_followed_by_fn(rest.clone()) => {
                return Some("fn".to_owned());
            }
            "unsafe" => {}
            "mod" | "fn" | "use" | "impl" | "struct" | "enum" | "union" | "trait" | "const"
            | "static" | "type" | "extern" | "macro_rules" | "let" => return Some(word),
            _ => return None,
        }
    }
}

/// Whether only qualifiers stand before a `fn`: `const unsafe extern "C" fn`.
fn is_followed_by_fn<'a>(rest: impl Iterator<Item = &'a TokenTree>) -> bool {
    let mut rest = rest.skip_while(|tree| match tree {
        TokenTree::Ident(ident) => ident == "async" || ident == "unsafe" || ident == "extern",
        TokenTree::Literal(_) => true,
        _ => false,
    });
    matches!(rest.next(), Some(TokenTree::Ident(ident)) if ident == "fn")
}

/// Whether `tree` is the `[cfg(..)]` of a condition that implies `test`.
fn is_test_cfg(tree: &TokenTree) -> bool {
    let TokenTree::Group(group) = tree else {
        return false;
    };
    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
    match inner.as_slice() {
        [TokenTree::Ident(name), TokenTree::Group(condition)] if name == "cfg" => {
            implies_test(condition.stream().into_iter().collect())
        }
        _ => false,
    }
}

fn implies_test(condition: Vec<TokenTree>) -> bool {
    match condition.as_slice() {
        [TokenTree::Ident(name)] => name == "test",
        [TokenTree::Ident(name), TokenTree::Group(parts)] if name == "all" => {
            split(parts.stream()).into_iter().any(implies_test)
        }
        [TokenTree::Ident(name), TokenTree::Group(parts)] if name == "any" => {
            let parts = split(parts.stream());
            !parts.is_empty() && parts.into_iter().all(implies_test)
        }
        _ => false,
    }
}

/// The parts of a list between its commas.
fn split(list: TokenStream) -> Vec<Vec<TokenTree>> {
    let trees: Vec<TokenTree> = list.into_iter().collect();
    trees
        .split(|tree| is_punct(tree, ','))
        .filter(|part| !part.is_empty())
        .map(<[TokenTree]>::to_vec)
        .collect()
}

fn is_punct(tree: &TokenTree, wanted: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of `source` after the item at its start, if that is for tests.
    fn after_item(source: &str) -> Option<String> {
        let stream: TokenStream = source.parse().unwrap();
        let trees: Vec<TokenTree> = stream.into_iter().collect();
        let end = end_of_test_item(&trees, 0)?;
        Some(
            trees[end..]
                .iter()
                .cloned()
                .collect::<TokenStream>()
                .to_string(),
        )
    }

    #[test]
    fn conditions_that_imply_test_count() {
        for condition in [
            "test",
            "all(test, loom)",
            "all(unix, any(test))",
            "any(test, all(test))",
        ] {
            assert!(
                after_item(&format!("#[cfg({condition})] fn f() {{}}")).is_some(),
                "{condition}"
            );
        }
        for condition in [
            "loom",
            "not(test)",
            "any(test, loom)",
            "feature = \"test\"",
            "any()",
        ] {
            assert!(
                after_item(&format!("#[cfg({condition})] fn f() {{}}")).is_none(),
                "{condition}"
            );
        }
    }

    #[test]
    fn items_end_where_they_end() {
        for item in [
            "mod tests { fn f() {} }",
            "mod tests;",
            "#[allow(x)] pub(crate) fn f<A, B>(a: A) -> [u8; 2] where B: C { body }",
            "use crate::{a, b::{c}};",
            "pub const A: S = S { a: 1 };",
            "const unsafe extern \"C\" fn f() {}",
            "unsafe impl Send for S {}",
            "struct S;",
            "struct S { a: u8 }",
        ] {
            let source = format!("#[cfg(test)] {item} next");
            assert_eq!(after_item(&source).as_deref(), Some("next"), "{item}");
        }
    }

    #[test]
    fn what_is_no_item_is_not_skipped() {
        assert_eq!(after_item("#[cfg(test)] field: Vec<u8>, next: u8"), None);
        assert_eq!(
            after_item("#[cfg(test)] pub field: Vec<u8>, next: u8"),
            None
        );
    }

    #[test]
    fn files_of_test_modules_are_named() {
        let source =
            "mod a; #[cfg(test)] mod tests; #[cfg(test)] mod inline {} #[cfg(loom)] mod l;";
        assert_eq!(test_modules(source.parse().unwrap()), ["tests"]);
    }

    #[test]
    fn a_file_may_be_for_tests_as_a_whole() {
        let is_test = |text: &str| {
            let stream: TokenStream = text.parse().unwrap();
            is_test_file(&stream.into_iter().collect::<Vec<_>>())
        };
        assert!(is_test("//! Tests.\n#![cfg(test)]\nfn f() {}"));
        assert!(!is_test("//! Tests.\n#[cfg(test)]\nfn f() {}"));
    }
}
