//! One Rust file as a flat list of tokens with their lines.
//!
//! Groups become an opening and a closing token, so that a rule is a pattern over
//! neighbours and a depth, without recursion in every check. Comments are gone,
//! doc comments too (they are string literals in attributes by now), so the
//! checks that want comments look at the text's lines.

use std::fmt;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::cfg;

/// A place that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Ident(String),
    Punct(char),
    Literal,
    /// `(`, `[` or `{`.
    Open(char),
    /// `)`, `]` or `}`.
    Close(char),
}

#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) line: usize,
    /// Part of an item that exists only under `cfg(test)`.
    pub(crate) test_only: bool,
}

impl Token {
    pub(crate) fn is(&self, word: &str) -> bool {
        matches!(&self.kind, Kind::Ident(ident) if ident == word)
    }

    pub(crate) fn is_punct(&self, wanted: char) -> bool {
        self.kind == Kind::Punct(wanted)
    }

    pub(crate) fn ident(&self) -> Option<&str> {
        match &self.kind {
            Kind::Ident(ident) => Some(ident),
            _ => None,
        }
    }
}

/// A file of the workspace.
pub(crate) struct Source {
    /// From the workspace's root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) tokens: Vec<Token>,
}

impl Source {
    /// Reads `text`; a file that is no Rust is the compiler's to refuse, so here
    /// it is a panic.
    pub(crate) fn new(path: &str, text: &str) -> Source {
        let stream: TokenStream = text
            .parse()
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut tokens = Vec::new();
        flatten(stream, false, &mut tokens);
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
            tokens,
        }
    }

    pub(crate) fn finding(&self, line: usize, message: impl Into<String>) -> Finding {
        Finding {
            path: self.path.clone(),
            line,
            message: message.into(),
        }
    }

    /// Whether `word` stands in `line` (counted from 1) or in the `above` lines
    /// before it.
    pub(crate) fn has_word_near(&self, word: &str, line: usize, above: usize) -> bool {
        let first = line.saturating_sub(above + 1);
        self.text
            .lines()
            .take(line)
            .skip(first)
            .any(|text| text.contains(word))
    }

    /// The index just past the group that opens at `open`.
    pub(crate) fn past_group(&self, open: usize) -> usize {
        past_group(&self.tokens, open)
    }
}

/// The index just past the group that opens at `open`.
pub(crate) fn past_group(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Open(_) => depth += 1,
            Kind::Close(_) => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    tokens.len()
}

fn flatten(stream: TokenStream, test_only: bool, tokens: &mut Vec<Token>) {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let mut test_until = if cfg::is_test_file(&trees) {
        trees.len()
    } else {
        0
    };
    for (index, tree) in trees.iter().enumerate() {
        if let Some(end) = cfg::end_of_test_item(&trees, index) {
            test_until = test_until.max(end);
        }
        let test_only = test_only || index < test_until;
        push(tree, test_only, tokens);
    }
}

fn push(tree: &TokenTree, test_only: bool, tokens: &mut Vec<Token>) {
    let mut token = |kind, line| {
        tokens.push(Token {
            kind,
            line,
            test_only,
        })
    };
    let line = tree.span().start().line;
    match tree {
        TokenTree::Ident(ident) => token(Kind::Ident(ident.to_string()), line),
        TokenTree::Punct(punct) => token(Kind::Punct(punct.as_char()), line),
        TokenTree::Literal(_) => token(Kind::Literal, line),
        TokenTree::Group(group) => {
            let Some((open, close)) = signs(group.delimiter()) else {
                return flatten(group.stream(), test_only, tokens);
            };
            token(Kind::Open(open), line);
            flatten(group.stream(), test_only, tokens);
            let line = group.span_close().start().line;
            tokens.push(Token {
                kind: Kind::Close(close),
                line,
                test_only,
            });
        }
    }
}

fn signs(delimiter: Delimiter) -> Option<(char, char)> {
    match delimiter {
        Delimiter::Parenthesis => Some(('(', ')')),
        Delimiter::Bracket => Some(('[', ']')),
        Delimiter::Brace => Some(('{', '}')),
        Delimiter::None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_no_code() {
        let source = Source::new(
            "a.rs",
            "//! unsafe {}\n/* unsafe */ const A: &str = \"unsafe\";\n/// unsafe\nfn f() {}\n",
        );
        assert!(!source.tokens.iter().any(|token| token.is("unsafe")));
    }

    #[test]
    fn tokens_know_their_lines() {
        let source = Source::new("a.rs", "fn f() {\n    g(\n        1,\n    );\n}\n");
        let lines: Vec<usize> = source.tokens.iter().map(|token| token.line).collect();
        assert_eq!(lines, [1, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5]);
    }

    #[test]
    fn words_are_looked_for_above_and_on_the_line() {
        let source = Source::new("a.rs", "// WORD\n\n\nfn f() {}\nfn g() {} // WORD\n");
        assert!(source.has_word_near("WORD", 1, 0));
        assert!(source.has_word_near("WORD", 4, 3));
        assert!(!source.has_word_near("WORD", 4, 2));
        assert!(source.has_word_near("WORD", 5, 0));
    }

    #[test]
    fn test_items_are_marked() {
        let source = Source::new(
            "a.rs",
            "fn before() {}\n#[cfg(test)]\nmod tests { fn inside() {} }\nfn after() {}\n",
        );
        let marked = |name: &str| {
            source
                .tokens
                .iter()
                .find(|token| token.is(name))
                .unwrap()
                .test_only
        };
        assert!(!marked("before"));
        assert!(marked("inside"));
        assert!(!marked("after"));
    }
}
