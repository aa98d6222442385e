//! What to write instead: mistakes and habits that the compiler would tell of in its own words, about an
//! expansion that the user has not written.
//!
//! Only what can be no working arm is refused here.

use proc_macro2::{Delimiter, Spacing, TokenTree};

use super::tokens::{
    assignment, ends_operand, find_arrow, is, is_keyword, is_pair, is_word, type_colon,
};
use crate::error::{Error, Result};

const GO: &str = "an arm of `select!` is not written as in Go: `case v := <-rx:` is `v = rx.recv() => body`, \
                  `case tx <- v:` is `_ = tx.send(v) => body`, `default:` is `default => body`";

const COMMA: &str = "a comma is missing before this arm of `select!`: \
                     it may be left out only after a body in braces, `=> { .. }`";

/// What is left has no `=>`.
pub(super) fn on_no_arrow(rest: &[TokenTree]) -> Error {
    let default_colon =
        is_word(rest.first(), "default") && rest.get(1).is_some_and(|token| is(token, ':'));
    if default_colon {
        return Error::at(rest[0].span(), GO);
    }
    on_go(rest).err().unwrap_or_else(|| {
        Error::over(
            rest.iter().cloned().collect(),
            "an arm of `select!` is `pattern = operand => body` or `default => body`: there is no `=>`",
        )
    })
}

/// What stands before a `=>`.
pub(super) fn on_head(head: &[TokenTree]) -> Result<()> {
    on_go(head)?;
    on_words(head)?;
    let Some(equals) = assignment(head) else {
        return on_lone_pattern(head).and_then(|()| on_guard(head));
    };
    let (pattern, operand) = (&head[..equals], &head[equals + 1..]);
    if let Some(word) = pattern.iter().find(|token| is_word(Some(token), "if")) {
        return Err(Error::at(
            word.span(),
            "the guard of an arm stands after its operand, `pattern = operand, if condition => body`, \
             and comes before the wait: it cannot look at the result",
        ));
    }
    on_guard(operand)
}

/// `case`, `:=` and `<-`.
fn on_go(tokens: &[TokenTree]) -> Result<()> {
    let case = is_word(tokens.first(), "case") && tokens.get(1).is_some_and(starts_pattern);
    let arrow = (0..tokens.len()).find(|&i| {
        is_pair(tokens, i, '<', '-')
            || (is_pair(tokens, i, ':', '=') && type_colon(&tokens[..=i]) == Some(i))
    });
    let at = if case { Some(0) } else { arrow };
    match at {
        Some(i) => Err(Error::at(tokens[i].span(), GO)),
        None => Ok(()),
    }
}

fn starts_pattern(token: &TokenTree) -> bool {
    match token {
        TokenTree::Ident(_) => true,
        TokenTree::Punct(punct) => punct.as_char() == '<' && punct.spacing() == Spacing::Joint,
        _ => false,
    }
}

/// Arms of other `select!`s, and of `match`.
fn on_words(head: &[TokenTree]) -> Result<()> {
    let message = match head {
        [TokenTree::Ident(word)] if *word == "else" => {
            "`select!` has no `else`: what is done if no arm is ready is `default => body`"
        }
        [TokenTree::Ident(word)] if *word == "_" => {
            "`_` alone is no arm of `select!`: what is done if no arm is ready is `default => body`; \
             to ignore a result write `_ = operand => body`"
        }
        [TokenTree::Ident(word), TokenTree::Punct(semicolon), ..]
            if *word == "biased" && semicolon.as_char() == ';' =>
        {
            "`select!` is never biased: each arm that is ready is equally likely"
        }
        [
            TokenTree::Ident(word),
            TokenTree::Group(group),
            TokenTree::Punct(dash),
            ..,
        ] if group.delimiter() == Delimiter::Parenthesis
            && dash.as_char() == '-'
            && is_pair(head, 2, '-', '>')
            && (*word == "recv" || *word == "send") =>
        {
            "an arm of `select!` is written `pattern = operand => body`: \
             `recv(rx) -> v` is `v = rx.recv()`, `send(tx, v) -> result` is `result = tx.send(v)`"
        }
        [TokenTree::Punct(hash), TokenTree::Group(_), ..] if hash.as_char() == '#' => {
            "an arm of `select!` takes no attributes; a guard may be `if cfg!(..)`"
        }
        _ => return Ok(()),
    };
    Err(Error::at(head[0].span(), message))
}

/// `Err(e) => body`, as if it were a `match`.
fn on_lone_pattern(head: &[TokenTree]) -> Result<()> {
    let is_variant = ["Ok", "Err", "Some", "None"]
        .iter()
        .any(|word| is_word(head.first(), word));
    let is_whole = matches!(head, [_] | [_, TokenTree::Group(_)]);
    if is_variant && is_whole {
        return Err(Error::over(
            head.iter().cloned().collect(),
            "this is a pattern without an operand: bind the whole result, and look at it in the body, \
             `result = rx.recv() => match result { .. }`",
        ));
    }
    Ok(())
}

/// `operand if condition`.
fn on_guard(operand: &[TokenTree]) -> Result<()> {
    let word = (1..operand.len())
        .find(|&i| is_word(operand.get(i), "if") && ends_operand(&operand[i - 1]));
    match word {
        Some(i) => Err(Error::at(
            operand[i].span(),
            "a comma is missing before the guard: `pattern = operand, if condition => body`",
        )),
        None => Ok(()),
    }
}

/// A body, and what follows it.
pub(super) fn on_body(body: &[TokenTree], next: Option<&TokenTree>) -> Result<()> {
    let arrow = find_arrow(body).unwrap_or(body.len());
    let mut before = body[..arrow]
        .iter()
        .chain(next.filter(|_| arrow == body.len()));
    if let Some(semicolon) = before.find(|token| is(token, ';')) {
        return Err(Error::at(
            semicolon.span(),
            "the body of an arm is one expression, and ends with a comma: put statements in braces, `=> { .. }`",
        ));
    }
    if arrow == body.len() {
        return Ok(());
    }
    let start = (1..arrow)
        .find(|&i| starts_operand(body, i))
        .unwrap_or(arrow);
    Err(Error::at(body[start].span(), COMMA))
}

/// Whether the token at `i` starts something new, as no expression goes on with it.
fn starts_operand(tokens: &[TokenTree], i: usize) -> bool {
    let is_start = match &tokens[i] {
        TokenTree::Ident(ident) => {
            let word = ident.to_string();
            word == "ref" || word == "mut" || !is_keyword(&word)
        }
        TokenTree::Literal(_) => true,
        _ => false,
    };
    is_start && !is(&tokens[i - 1], '>') && ends_operand(&tokens[i - 1])
}
