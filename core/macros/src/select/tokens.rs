//! Finds commas, `=`, `:` and `=>` among tokens that are not parsed.
//!
//! Brackets come as one token; angle brackets do not, and are comparisons as well. A `<` opens the
//! arguments of a type where an operator cannot stand (after `::`, or where an expression starts) and
//! where only types can (after the `:` of a pattern or an argument, after `as` and `->`). This is enough to be
//! right wherever Rust itself does not ask for a turbofish.

use proc_macro2::{Delimiter, Spacing, TokenTree};

pub(super) fn is(token: &TokenTree, c: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == c)
}

fn is_joint(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.spacing() == Spacing::Joint)
}

pub(super) fn is_word(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if *ident == word)
}

/// Whether `first` and `second` stand at `i` as one operator.
pub(super) fn is_pair(tokens: &[TokenTree], i: usize, first: char, second: char) -> bool {
    let next = tokens.get(i + 1);
    is(&tokens[i], first) && is_joint(&tokens[i]) && next.is_some_and(|token| is(token, second))
}

/// The index of the first `=>`.
pub(super) fn find_arrow(tokens: &[TokenTree]) -> Option<usize> {
    (0..tokens.len()).find(|&i| is_pair(tokens, i, '=', '>'))
}

/// The indices of the commas that are not among the arguments of a type.
pub(super) fn commas(tokens: &[TokenTree]) -> Vec<usize> {
    let inside = inside_types(tokens);
    (0..tokens.len())
        .filter(|&i| is(&tokens[i], ',') && !inside[i])
        .collect()
}

/// The index of the first `=` that is not part of a longer operator.
pub(super) fn assignment(head: &[TokenTree]) -> Option<usize> {
    let inside = inside_types(head);
    (1..head.len()).find(|&i| {
        let continues = is_joint(&head[i - 1]) && !inside[i - 1];
        is(&head[i], '=') && !inside[i] && !continues && !is_pair(head, i, '=', '=')
    })
}

/// The index of the `:` between a pattern and its type.
pub(super) fn type_colon(pattern: &[TokenTree]) -> Option<usize> {
    (0..pattern.len()).find(|&i| is_single_colon(pattern, i))
}

fn is_single_colon(tokens: &[TokenTree], i: usize) -> bool {
    let after_another = i > 0 && is_pair(tokens, i - 1, ':', ':');
    is(&tokens[i], ':') && !after_another && !is_pair(tokens, i, ':', ':')
}

/// Whether an expression may end with this token, so that an operator may follow.
pub(super) fn ends_operand(token: &TokenTree) -> bool {
    match token {
        TokenTree::Group(_) | TokenTree::Literal(_) => true,
        TokenTree::Ident(ident) => !is_keyword(&ident.to_string()),
        TokenTree::Punct(punct) => matches!(punct.as_char(), '?' | '>'),
    }
}

/// Whether an expression goes on or starts after this word.
pub(super) fn is_keyword(word: &str) -> bool {
    [
        "as", "box", "break", "const", "continue", "else", "for", "if", "in", "let", "loop",
        "match", "move", "mut", "ref", "return", "static", "unsafe", "while", "yield",
    ]
    .contains(&word)
}

/// For each token whether it is among the arguments of a type, the closing `>` included.
fn inside_types(tokens: &[TokenTree]) -> Vec<bool> {
    let mut depth = 0usize;
    // After a single `:`.
    let mut in_type = false;
    (0..tokens.len())
        .map(|i| {
            let token = &tokens[i];
            if is_pair(tokens, i, '=', '>') {
                // Whatever was open: it was not.
                (depth, in_type) = (0, false);
            }
            if depth == 0 {
                if is_single_colon(tokens, i) {
                    in_type = true;
                } else if ends_type(token) {
                    in_type = false;
                }
            }
            if is(token, '<') && (depth > 0 || in_type || opens_arguments(tokens, i)) {
                depth += 1;
            } else if is(token, '>') && depth > 0 && !is_pair(tokens, i - 1, '-', '>') {
                depth -= 1;
                return true;
            }
            depth > 0
        })
        .collect()
}

fn ends_type(token: &TokenTree) -> bool {
    let block = matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
    block || is(token, '=') || is(token, '|') || is(token, ',')
}

/// Whether the `<` at `i` cannot be a comparison.
fn opens_arguments(tokens: &[TokenTree], i: usize) -> bool {
    // `<-` and `<<` are no types.
    if is_pair(tokens, i, '<', '-') || i > 0 && is(&tokens[i - 1], '<') {
        return false;
    }
    let Some(before) = i.checked_sub(1) else {
        return true;
    };
    let after_arrow =
        i >= 2 && (is_pair(tokens, i - 2, '=', '>') || is_pair(tokens, i - 2, '-', '>'));
    after_arrow || !ends_operand(&tokens[before]) || follows_type_path(tokens, i)
}

/// Whether what stands before `i` is the path of a type after `as` or `->`.
fn follows_type_path(tokens: &[TokenTree], i: usize) -> bool {
    for j in (0..i).rev() {
        match &tokens[j] {
            TokenTree::Ident(ident) if *ident == "as" => return true,
            TokenTree::Ident(_) => {}
            TokenTree::Punct(punct) => match punct.as_char() {
                ':' | '&' | '*' | '\'' => {}
                '>' => return j > 0 && is_pair(tokens, j - 1, '-', '>'),
                _ => return false,
            },
            _ => return false,
        }
    }
    false
}
