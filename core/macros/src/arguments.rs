//! The one argument of `#[rust_routines::test]`: `workers = 2` or
//! `workers = [1, 2, 8]`.
//!
//! Plain numbers only, so that zero is refused where it is written and not by a
//! test that fails at run time.

use proc_macro2::{Delimiter, Literal, Span, TokenStream, TokenTree};

use crate::error::{Error, Result};

const FORMS: &str = "write `workers = 2` or `workers = [1, 2, 8]`";

/// On how many workers a test's body runs, one run for each number.
#[derive(Debug)]
pub(crate) enum Workers {
    /// Nothing was said: the runtime chooses.
    Default,
    /// At least one number, none of them zero.
    Chosen(Vec<Literal>),
}

impl Workers {
    pub(crate) fn parse(arguments: TokenStream) -> Result<Workers> {
        let mut tokens = arguments.clone().into_iter();
        let Some(key) = tokens.next() else {
            return Ok(Workers::Default);
        };
        if !matches!(&key, TokenTree::Ident(ident) if ident == "workers") {
            return Err(Error::at(
                key.span(),
                format!(
                    "`#[rust_routines::test]` knows no argument but the number of workers: {FORMS}"
                ),
            ));
        }
        match tokens.next() {
            Some(TokenTree::Punct(punct)) if punct.as_char() == '=' => {}
            other => {
                let span = other.map_or(key.span(), |token| token.span());
                return Err(Error::at(span, format!("`workers` needs a value: {FORMS}")));
            }
        }
        let Some(value) = tokens.next() else {
            return Err(Error::over(
                arguments,
                format!("`workers` needs a value: {FORMS}"),
            ));
        };
        let numbers = numbers(value)?;
        match tokens.next() {
            Some(TokenTree::Punct(punct)) if punct.as_char() == ',' => {}
            Some(other) => return Err(Error::at(other.span(), FORMS)),
            None => return Ok(Workers::Chosen(numbers)),
        }
        match tokens.next() {
            Some(other) => Err(Error::at(
                other.span(),
                "`#[rust_routines::test]` takes one argument",
            )),
            None => Ok(Workers::Chosen(numbers)),
        }
    }
}

/// The numbers of `2` or `[1, 2, 8]`.
fn numbers(value: TokenTree) -> Result<Vec<Literal>> {
    match value {
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
            // A number or a list that a `macro_rules!` macro substituted.
            let mut inner = group.stream().into_iter();
            match (inner.next(), inner.next()) {
                (Some(only), None) => numbers(only),
                _ => Err(Error::over(group.stream(), FORMS)),
            }
        }
        TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
            list(group.stream(), group.span())
        }
        TokenTree::Literal(literal) => Ok(vec![number(literal)?]),
        other => Err(Error::at(
            other.span(),
            format!("this is no plain number: {FORMS}"),
        )),
    }
}

fn list(items: TokenStream, span: Span) -> Result<Vec<Literal>> {
    let mut found = Vec::new();
    let mut items = items.into_iter();
    while let Some(item) = items.next() {
        let mut one = match item {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
                return Err(Error::at(
                    group.span(),
                    format!("this is no plain number: {FORMS}"),
                ));
            }
            item => numbers(item)?,
        };
        found.append(&mut one);
        match items.next() {
            Some(TokenTree::Punct(punct)) if punct.as_char() == ',' => {}
            Some(other) => {
                return Err(Error::at(
                    other.span(),
                    format!("numbers are parted by `,`: {FORMS}"),
                ));
            }
            None => break,
        }
    }
    if found.is_empty() {
        return Err(Error::at(
            span,
            format!("a test that runs on no runtime tests nothing: {FORMS}"),
        ));
    }
    Ok(found)
}

fn number(literal: Literal) -> Result<Literal> {
    match literal.to_string().replace('_', "").parse::<usize>() {
        Ok(0) => Err(Error::at(
            literal.span(),
            "a runtime needs at least one worker",
        )),
        Ok(_) => Ok(literal),
        Err(_) => Err(Error::at(
            literal.span(),
            format!("this is no plain number: {FORMS}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    fn accepted(arguments: TokenStream) -> Vec<String> {
        match Workers::parse(arguments).unwrap() {
            Workers::Default => Vec::new(),
            Workers::Chosen(numbers) => numbers.iter().map(Literal::to_string).collect(),
        }
    }

    fn refused(arguments: TokenStream) -> String {
        Workers::parse(arguments).unwrap_err().message().to_owned()
    }

    #[test]
    fn one_number_or_a_list_is_accepted() {
        assert_eq!(accepted(quote!()), [""; 0]);
        assert_eq!(accepted(quote!(workers = 2)), ["2"]);
        assert_eq!(accepted(quote!(workers = 1_000,)), ["1_000"]);
        assert_eq!(accepted(quote!(workers = [1, 2, 8])), ["1", "2", "8"]);
        assert_eq!(accepted(quote!(workers = [1, 2,],)), ["1", "2"]);
        let substituted = proc_macro2::Group::new(Delimiter::None, quote!(3));
        assert_eq!(accepted(quote!(workers = #substituted)), ["3"]);
        assert_eq!(accepted(quote!(workers = [#substituted, 4])), ["3", "4"]);
    }

    #[test]
    fn everything_else_is_refused_with_advice() {
        assert!(refused(quote!(threads = 2)).contains("knows no argument"));
        assert!(refused(quote!(4)).contains("knows no argument"));
        assert!(refused(quote!(workers)).contains("needs a value"));
        assert!(refused(quote!(workers(2))).contains("needs a value"));
        assert!(refused(quote!(workers =)).contains("needs a value"));
        assert!(refused(quote!(workers = 0)).contains("at least one worker"));
        assert!(refused(quote!(workers = [1, 0])).contains("at least one worker"));
        assert!(refused(quote!(workers = [])).contains("tests nothing"));
        assert!(refused(quote!(workers = [[1]])).contains("no plain number"));
        assert!(refused(quote!(workers = [1 2])).contains("parted by"));
        for value in [
            quote!(N),
            quote!("2"),
            quote!(2.5),
            quote!(-1),
            quote!(2u8),
            quote!((2)),
        ] {
            assert!(refused(quote!(workers = #value)).contains("no plain number"));
        }
        assert!(refused(quote!(workers = 1 2)).contains("write `workers"));
        assert!(refused(quote!(workers = 1, workers = 2)).contains("takes one argument"));
    }
}
