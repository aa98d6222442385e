//! Reads the arms of a `select!`.
//!
//! ```text
//! arms  = arm { ["," ] arm } [","]        (the comma may be left out after a block)
//! arm   = [pattern "="] operand ["," "if" condition] "=>" body
//!       | "default" ["(" timeout ")"] "=>" body
//! ```
//!
//! Patterns, operands, conditions and bodies are not parsed, only found: commas inside of brackets and
//! of a turbofish (`::<A, B>`) belong to them. What is between two commas and has no `=>` belongs to the
//! body before, unless the next piece starts with `if` and so is its guard.

use proc_macro2::{Delimiter, Group, Ident, Spacing, Span, TokenStream, TokenTree};

use crate::error::{Error, Result};

pub(super) struct Arms {
    pub(super) cases: Vec<Case>,
    pub(super) default: Option<Default>,
}

pub(super) struct Case {
    pub(super) pattern: Option<TokenStream>,
    /// The operand, with `.recv()` and the like turned into what makes an arm.
    pub(super) arm: TokenStream,
    pub(super) guard: Option<TokenStream>,
    pub(super) body: TokenStream,
    /// Where to show that the operand is no arm.
    pub(super) span: Span,
}

pub(super) struct Default {
    pub(super) timeout: Option<TokenStream>,
    pub(super) body: TokenStream,
}

/// What stands before and after one `=>`.
struct Piece {
    head: Vec<TokenTree>,
    guard: Option<Vec<TokenTree>>,
    body: Vec<TokenTree>,
    arrow: Span,
}

/// The root path in the first group, and the arms after it.
pub(super) fn read(input: TokenStream) -> Result<(TokenStream, Arms)> {
    let mut tokens = input.into_iter();
    let root = match tokens.next() {
        Some(TokenTree::Group(group)) => group.stream(),
        _ => {
            return Err(Error::at(
                Span::call_site(),
                "call `select!` of the crate instead",
            ));
        }
    };
    let mut arms = Arms {
        cases: Vec::new(),
        default: None,
    };
    for piece in pieces(tokens.collect())? {
        if let Some(timeout) = default_head(&piece.head) {
            let default = default(piece, timeout)?;
            if arms.default.replace(default).is_some() {
                return Err(Error::at(
                    Span::call_site(),
                    "`select!` has more than one `default`",
                ));
            }
        } else {
            arms.cases.push(case(piece)?);
        }
    }
    Ok((root, arms))
}

/// Cuts the arms apart.
fn pieces(tokens: Vec<TokenTree>) -> Result<Vec<Piece>> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut rest = tokens.as_slice();
    while !rest.is_empty() {
        let Some(arrow) = find_arrow(rest) else {
            return Err(Error::over(
                rest.iter().cloned().collect(),
                "an arm of `select!` is `pattern = operand => body` or `default => body`: there is no `=>`",
            ));
        };
        let (head, guard) = split_guard(&rest[..arrow])?;
        let span = rest[arrow].span();
        rest = &rest[arrow + 2..];
        let end = body_end(rest);
        if end == 0 {
            return Err(Error::at(
                span,
                "an arm of `select!` needs a body after `=>`",
            ));
        }
        let body = rest[..end].to_vec();
        rest = &rest[end..];
        if rest.first().is_some_and(|token| is(token, ',')) {
            rest = &rest[1..];
        }
        pieces.push(Piece {
            head,
            guard,
            body,
            arrow: span,
        });
    }
    Ok(pieces)
}

fn is(token: &TokenTree, c: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == c)
}

fn is_joint(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.spacing() == Spacing::Joint)
}

/// The index of the first `=>`.
fn find_arrow(tokens: &[TokenTree]) -> Option<usize> {
    (0..tokens.len().saturating_sub(1))
        .find(|&i| is(&tokens[i], '=') && is_joint(&tokens[i]) && is(&tokens[i + 1], '>'))
}

/// The indices of the commas that are not inside of a turbofish.
fn commas(tokens: &[TokenTree]) -> impl Iterator<Item = usize> + '_ {
    let mut depth = 0usize;
    tokens.iter().enumerate().filter_map(move |(i, token)| {
        let after_colons = i >= 2 && is(&tokens[i - 1], ':') && is(&tokens[i - 2], ':');
        if is(token, '<') && (depth > 0 || after_colons) {
            depth += 1;
        } else if is(token, '>') && depth > 0 && !is(&tokens[i - 1], '-') {
            depth -= 1;
        }
        (depth == 0 && is(token, ',')).then_some(i)
    })
}

/// `head, if guard` or `head`.
fn split_guard(tokens: &[TokenTree]) -> Result<(Vec<TokenTree>, Option<Vec<TokenTree>>)> {
    let comma = commas(tokens).find(|&i| is_word(tokens.get(i + 1), "if"));
    // Other commas belong to types: `v: Result<u8, E> = rx.recv()`.
    let Some(comma) = comma else {
        return Ok((tokens.to_vec(), None));
    };
    let guard = &tokens[comma + 2..];
    if guard.is_empty() {
        return Err(Error::at(
            tokens[comma + 1].span(),
            "`if` needs a condition",
        ));
    }
    Ok((tokens[..comma].to_vec(), Some(guard.to_vec())))
}

fn is_word(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if *ident == word)
}

/// Where the body at the start of `tokens` ends.
fn body_end(tokens: &[TokenTree]) -> usize {
    let block = matches!(tokens.first(), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace);
    if block
        && !tokens
            .get(1)
            .is_some_and(|token| is(token, '.') || is(token, '?'))
    {
        return 1;
    }
    // The comma after which the next arm starts; commas of the body itself come before others.
    let mut end = tokens.len();
    for comma in commas(tokens) {
        if starts_arm(&tokens[comma + 1..]) {
            end = comma;
            break;
        }
    }
    end
}

/// Whether the next `=>` belongs to an arm that starts here, and not after a later comma.
fn starts_arm(tokens: &[TokenTree]) -> bool {
    let Some(arrow) = find_arrow(tokens) else {
        return tokens.is_empty();
    };
    commas(&tokens[..arrow]).all(|comma| is_word(tokens.get(comma + 1), "if"))
}

/// Whether the head is `default` or `default(timeout)`; then the timeout.
fn default_head(head: &[TokenTree]) -> Option<Option<TokenStream>> {
    match head {
        [TokenTree::Ident(ident)] if *ident == "default" => Some(None),
        [TokenTree::Ident(ident), TokenTree::Group(group)]
            if *ident == "default" && group.delimiter() == Delimiter::Parenthesis =>
        {
            Some(Some(group.stream()))
        }
        _ => None,
    }
}

fn default(piece: Piece, timeout: Option<TokenStream>) -> Result<Default> {
    if piece.guard.is_some() {
        return Err(Error::at(piece.arrow, "`default` takes no guard"));
    }
    if timeout.as_ref().is_some_and(TokenStream::is_empty) {
        return Err(Error::at(
            piece.arrow,
            "`default(timeout)` needs a duration; without one write `default`",
        ));
    }
    Ok(Default {
        timeout,
        body: piece.body.into_iter().collect(),
    })
}

fn case(piece: Piece) -> Result<Case> {
    let (pattern, operand) = split_pattern(&piece.head);
    let Some(first) = operand.first() else {
        return Err(Error::at(
            piece.arrow,
            "an arm of `select!` needs an operand: `pattern = rx.recv() => body`",
        ));
    };
    Ok(Case {
        span: first.span(),
        arm: arm(operand),
        pattern: pattern.map(|pattern| pattern.iter().cloned().collect()),
        guard: piece.guard.map(|guard| guard.into_iter().collect()),
        body: piece.body.into_iter().collect(),
    })
}

/// Cuts at the first `=` that is not part of a longer operator.
fn split_pattern(head: &[TokenTree]) -> (Option<&[TokenTree]>, &[TokenTree]) {
    let assignment = (1..head.len()).find(|&i| {
        let follows = is_joint(&head[i]) && head.get(i + 1).is_some_and(|next| is(next, '='));
        is(&head[i], '=') && !is_joint(&head[i - 1]) && !follows
    });
    match assignment {
        Some(i) => (Some(&head[..i]), &head[i + 1..]),
        None => (None, head),
    }
}

/// `x.recv()` becomes `x.recv_arm()`, likewise for `send` and `send_from`; anything else stays.
fn arm(operand: &[TokenTree]) -> TokenStream {
    // `$operand:expr` of a macro comes in an invisible group.
    if let [TokenTree::Group(group)] = operand {
        if group.delimiter() == Delimiter::None {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            return arm(&inner);
        }
    }
    let mut tokens = operand.to_vec();
    if let [.., dot, TokenTree::Ident(name), TokenTree::Group(arguments)] = operand {
        if is(dot, '.') && arguments.delimiter() == Delimiter::Parenthesis {
            if let Some(name) = arm_name(name, arguments) {
                let at = tokens.len() - 2;
                tokens[at] = name.into();
            }
        }
    }
    tokens.into_iter().collect()
}

fn arm_name(name: &Ident, arguments: &Group) -> Option<Ident> {
    let arm = match (name.to_string().as_str(), arguments.stream().is_empty()) {
        ("recv", true) => "recv_arm",
        ("send", false) => "send_arm",
        ("send_from", false) => "send_from_arm",
        _ => return None,
    };
    Some(Ident::new(arm, name.span()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::str::FromStr;

    fn arms(text: &str) -> Arms {
        read_text(text).unwrap_or_else(|error| panic!("{}", error.message()))
    }

    fn read_text(text: &str) -> Result<Arms> {
        let tokens = TokenStream::from_str(&format!("(root) {text}")).unwrap();
        read(tokens).map(|(_, arms)| arms)
    }

    fn shown(stream: &TokenStream) -> String {
        stream.to_string().replace(' ', "")
    }

    #[test]
    fn operands_become_arms() {
        let arms = arms(
            "a = rx.recv() => 1, self.tx.send((1, 2)) => {} b = tx.send_from(&mut slot) => 3, \
             after(d) => 4,",
        );
        let texts: Vec<_> = arms.cases.iter().map(|case| shown(&case.arm)).collect();
        let expected = [
            "rx.recv_arm()",
            "self.tx.send_arm((1,2))",
            "tx.send_from_arm(&mutslot)",
            "after(d)",
        ];
        assert_eq!(texts, expected);
        let named: Vec<_> = arms
            .cases
            .iter()
            .map(|case| case.pattern.is_some())
            .collect();
        assert_eq!(named, [true, false, true, false]);
    }

    #[test]
    fn commas_belong_to_bodies_guards_and_turbofish() {
        let arms = arms(
            "Ok(v) | Err(v) = rx.recv(), if a == b => f::<A, B>(v), x, \
             r = make::<A, B>(1, 2), if on => { g() } \
             default(d) => h(1, 2)",
        );
        assert_eq!(shown(&arms.cases[0].body), "f::<A,B>(v),x");
        assert_eq!(shown(arms.cases[0].guard.as_ref().unwrap()), "a==b");
        assert_eq!(shown(&arms.cases[1].arm), "make::<A,B>(1,2)");
        assert_eq!(shown(arms.cases[1].guard.as_ref().unwrap()), "on");
        let default = arms.default.unwrap();
        assert_eq!(
            (shown(&default.timeout.unwrap()), shown(&default.body)),
            ("d".into(), "h(1,2)".into())
        );
    }

    #[test]
    fn comparisons_are_not_bindings() {
        let arms = arms("pick(a == b, c <= d) => 1, x = pick(a >= b) => 2");
        assert!(arms.cases[0].pattern.is_none());
        assert_eq!(shown(arms.cases[1].pattern.as_ref().unwrap()), "x");
    }

    #[test]
    fn a_block_ends_its_arm_but_not_its_methods() {
        let arms = arms("a = x => {1}.max(2), b = y => {2} c = z => {3}");
        let bodies: Vec<_> = arms.cases.iter().map(|case| shown(&case.body)).collect();
        assert_eq!(bodies, ["{1}.max(2)", "{2}", "{3}"]);
    }

    #[test]
    fn refusals_say_what_is_missing() {
        for (text, message) in [
            ("a = rx.recv()", "no `=>`"),
            ("a = rx.recv() =>", "needs a body"),
            ("a = => 1", "needs an operand"),
            ("default => 1, default => 2", "more than one `default`"),
            ("default() => 1", "needs a duration"),
            ("default, if x => 1", "takes no guard"),
            ("a = rx.recv(), if => 1", "needs a condition"),
        ] {
            let Err(error) = read_text(text) else {
                panic!("{text} was accepted");
            };
            assert!(
                error.message().contains(message),
                "{text}: {}",
                error.message()
            );
        }
    }
}
