//! Reads the arms of a `select!`.
//!
//! ```text
//! arms  = arm { ["," ] arm } [","]        (the comma may be left out after a body in braces)
//! arm   = [pattern [":" type] "="] operand ["," "if" condition] "=>" body
//!       | "default" ["(" timeout ")"] ["," "if" condition] "=>" body
//! ```
//!
//! Patterns, operands, conditions and bodies are not parsed, only found: commas inside of brackets and
//! of the arguments of types (`tokens.rs`) belong to them. What is between two commas and has no `=>`
//! belongs to the body before, unless the next piece starts with `if` and so is its guard.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

use super::advice;
use super::tokens::{assignment, commas, find_arrow, is, is_word, type_colon};
use crate::error::{Error, Result};

pub(super) struct Arms {
    pub(super) cases: Vec<Case>,
    pub(super) default: Option<Default>,
}

pub(super) struct Case {
    pub(super) pattern: Vec<TokenTree>,
    /// Of the pattern, if that is written out.
    pub(super) ty: Option<TokenStream>,
    /// The operand, with `.recv()` and the like turned into what makes an arm.
    pub(super) arm: TokenStream,
    pub(super) guard: Option<TokenStream>,
    pub(super) body: TokenStream,
    /// Of the operand's first and last token, where to show that it is no arm.
    pub(super) spans: (Span, Span),
}

pub(super) struct Default {
    pub(super) timeout: Option<TokenStream>,
    pub(super) guard: Option<TokenStream>,
    pub(super) body: TokenStream,
}

/// What stands before and after one `=>`.
struct Piece {
    head: Vec<TokenTree>,
    guard: Option<TokenStream>,
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
            let span = piece.head[0].span();
            let default = default(piece, timeout)?;
            if arms.default.replace(default).is_some() {
                return Err(Error::at(span, "`select!` has more than one `default`"));
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
            return Err(advice::on_no_arrow(rest));
        };
        advice::on_head(&rest[..arrow])?;
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
        advice::on_body(&rest[..end], rest.get(end))?;
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

/// `head, if guard` or `head`.
fn split_guard(tokens: &[TokenTree]) -> Result<(Vec<TokenTree>, Option<TokenStream>)> {
    let comma = commas(tokens)
        .into_iter()
        .find(|&i| is_word(tokens.get(i + 1), "if"));
    let Some(comma) = comma else {
        return Ok((tokens.to_vec(), None));
    };
    let word = tokens[comma + 1].span();
    let condition = &tokens[comma + 2..];
    if condition.is_empty() {
        return Err(Error::at(word, "`if` needs a condition"));
    }
    let condition = condition.iter().cloned().collect();
    Ok((tokens[..comma].to_vec(), Some(condition)))
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
    commas(tokens)
        .into_iter()
        .find(|&comma| starts_arm(&tokens[comma + 1..]))
        .unwrap_or(tokens.len())
}

/// Whether the next `=>` belongs to an arm that starts here, and not after a later comma.
fn starts_arm(tokens: &[TokenTree]) -> bool {
    let Some(arrow) = find_arrow(tokens) else {
        return tokens.is_empty();
    };
    let head = &tokens[..arrow];
    // The guard of an arm whose own comma is missing, rather than `if a { x } else { y }.recv()`.
    if is_word(head.first(), "if") && !head.iter().any(|token| is_word(Some(token), "else")) {
        return false;
    }
    commas(head)
        .into_iter()
        .all(|comma| is_word(head.get(comma + 1), "if"))
}

/// Whether the head is `default` or `default(timeout)`; then the timeout.
fn default_head(head: &[TokenTree]) -> Option<Option<Group>> {
    match head {
        [TokenTree::Ident(ident)] if *ident == "default" => Some(None),
        [TokenTree::Ident(ident), TokenTree::Group(group)]
            if *ident == "default" && group.delimiter() == Delimiter::Parenthesis =>
        {
            Some(Some(group.clone()))
        }
        _ => None,
    }
}

fn default(piece: Piece, timeout: Option<Group>) -> Result<Default> {
    if let Some(group) = timeout.as_ref().filter(|group| group.stream().is_empty()) {
        return Err(Error::at(
            group.span(),
            "`default(timeout)` needs a duration; without one write `default`",
        ));
    }
    Ok(Default {
        timeout: timeout.map(|group| group.stream()),
        guard: piece.guard,
        body: piece.body.into_iter().collect(),
    })
}

fn case(piece: Piece) -> Result<Case> {
    let (pattern, operand) = match assignment(&piece.head) {
        Some(i) => (&piece.head[..i], &piece.head[i + 1..]),
        None => (&[][..], piece.head.as_slice()),
    };
    let (Some(first), Some(last)) = (operand.first(), operand.last()) else {
        return Err(Error::at(
            piece.arrow,
            "an arm of `select!` needs an operand: `pattern = rx.recv() => body`",
        ));
    };
    let (pattern, ty) = match type_colon(pattern) {
        Some(i) => (
            &pattern[..i],
            Some(pattern[i + 1..].iter().cloned().collect()),
        ),
        None => (pattern, None),
    };
    Ok(Case {
        spans: (first.span(), last.span()),
        arm: arm(operand),
        pattern: pattern.to_vec(),
        ty,
        guard: piece.guard,
        body: piece.body.into_iter().collect(),
    })
}

/// `x.recv()` becomes `x.recv_arm()`, likewise for `send` and `send_from`, whatever the arguments: wrong
/// ones are then told of once. Anything else stays.
fn arm(operand: &[TokenTree]) -> TokenStream {
    if let [TokenTree::Group(group)] = operand {
        let inner: Vec<TokenTree> = group.stream().into_iter().collect();
        match group.delimiter() {
            // `$operand:expr` of a macro comes in an invisible group.
            Delimiter::None => return arm(&inner),
            // What has its parentheses for us need not have them for a lint.
            Delimiter::Parenthesis if !inner.is_empty() && commas(&inner).is_empty() => {
                return group.stream();
            }
            _ => {}
        }
    }
    let mut tokens = operand.to_vec();
    if let [.., dot, TokenTree::Ident(name), TokenTree::Group(arguments)] = operand {
        if is(dot, '.') && arguments.delimiter() == Delimiter::Parenthesis {
            if let Some(name) = arm_name(name) {
                let at = tokens.len() - 2;
                tokens[at] = name.into();
            }
        }
    }
    tokens.into_iter().collect()
}

fn arm_name(name: &Ident) -> Option<Ident> {
    let arm = match name.to_string().as_str() {
        "recv" => "recv_arm",
        "send" => "send_arm",
        "send_from" => "send_from_arm",
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
             after(d) => 4, (rx.recv()) => 5, (1, 2) => 6",
        );
        let texts: Vec<_> = arms.cases.iter().map(|case| shown(&case.arm)).collect();
        let expected = [
            "rx.recv_arm()",
            "self.tx.send_arm((1,2))",
            "tx.send_from_arm(&mutslot)",
            "after(d)",
            "rx.recv()",
            "(1,2)",
        ];
        assert_eq!(texts, expected);
        let named: Vec<_> = arms
            .cases
            .iter()
            .map(|case| !case.pattern.is_empty())
            .collect();
        assert_eq!(named, [true, false, true, false, false, false]);
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
        assert!(arms.cases[0].pattern.is_empty());
        assert_eq!(arms.cases[1].pattern[0].to_string(), "x");
    }

    #[test]
    fn commas_of_types_belong_to_them() {
        let arms = arms(
            "a = x => f(1), v: Result<i32, RecvError> = rx.recv(), if a < b => g(v), \
             v: Map<A, Vec<B>>= <T as Tr<A, B>>::arm() => n as Map<A, B>, \
             (a, b): (A, Box<dyn Fn(A) -> Vec<B, C>>) = y => |a: Map<A, B>, b| -> Map<A, B> { a }, \
             z => a << b, if x { a } else { b }.recv() => <T as Tr<A, B>>::f(), \
             default => 1 < 2",
        );
        let shown_cases: Vec<_> = arms
            .cases
            .iter()
            .map(|case| {
                let pattern: TokenStream = case.pattern.iter().cloned().collect();
                let ty = case.ty.as_ref().map_or(String::new(), shown);
                [shown(&pattern), ty, shown(&case.arm), shown(&case.body)]
            })
            .collect();
        let expected = [
            ["a", "", "x", "f(1)"],
            ["v", "Result<i32,RecvError>", "rx.recv_arm()", "g(v)"],
            ["v", "Map<A,Vec<B>>", "<TasTr<A,B>>::arm()", "nasMap<A,B>"],
            [
                "(a,b)",
                "(A,Box<dynFn(A)->Vec<B,C>>)",
                "y",
                "|a:Map<A,B>,b|->Map<A,B>{a}",
            ],
            ["", "", "z", "a<<b"],
            ["", "", "ifx{a}else{b}.recv_arm()", "<TasTr<A,B>>::f()"],
        ];
        assert_eq!(shown_cases, expected);
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
