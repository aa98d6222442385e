//! The arguments of `#[rust_routines::test]`: `workers = 2` or `workers = [1, 2, 8]`, and
//! `timeout = Duration::from_secs(10)`.
//!
//! Workers are plain numbers only, so that zero is refused where it is written and not by a
//! test that fails at run time. The time-out is any expression: the compiler says whether
//! it is a duration.

use proc_macro2::{Delimiter, Literal, Span, TokenStream, TokenTree};

use crate::error::{Error, Result};

const FORMS: &str = "write `workers = 2` or `workers = [1, 2, 8]`";
const TIMEOUT: &str = "write `timeout = Duration::from_secs(10)`";

/// What was said; what was not is for the runtime to choose.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    /// On how many workers a test's body runs, one run for each: at least one number, none of them zero.
    pub(crate) workers: Option<Vec<Literal>>,
    /// How long each run may take.
    pub(crate) timeout: Option<TokenStream>,
}

impl Arguments {
    pub(crate) fn parse(arguments: TokenStream) -> Result<Arguments> {
        let mut found = Arguments::default();
        let mut tokens = arguments.into_iter();
        while let Some(key) = tokens.next() {
            let name = key.to_string();
            let (form, is_known) = match &*name {
                "workers" => (FORMS, found.workers.is_some()),
                "timeout" => (TIMEOUT, found.timeout.is_some()),
                _ => {
                    return Err(Error::at(
                        key.span(),
                        format!(
                            "`#[rust_routines::test]` knows no argument but `workers` and `timeout`: \
                             {FORMS}; {TIMEOUT}"
                        ),
                    ));
                }
            };
            if is_known {
                return Err(Error::at(key.span(), format!("`{name}` is given twice")));
            }
            let value = value(&key, form, &mut tokens)?;
            if name == "workers" {
                found.workers = Some(only_numbers(value)?);
            } else {
                found.timeout = Some(value);
            }
        }
        Ok(found)
    }
}

/// What stands behind `key =`, to the next comma or the end; not empty.
fn value(
    key: &TokenTree,
    form: &str,
    tokens: &mut impl Iterator<Item = TokenTree>,
) -> Result<TokenStream> {
    let missing = format!("`{key}` needs a value: {form}");
    let equals = match tokens.next() {
        Some(TokenTree::Punct(punct)) if punct.as_char() == '=' => TokenTree::from(punct),
        other => {
            let span = other.map_or(key.span(), |token| token.span());
            return Err(Error::at(span, missing));
        }
    };
    let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ',');
    let value: TokenStream = tokens.take_while(|token| !is_comma(token)).collect();
    if value.is_empty() {
        let both = TokenStream::from_iter([key.clone(), equals]);
        return Err(Error::over(both, missing));
    }
    Ok(value)
}

fn only_numbers(value: TokenStream) -> Result<Vec<Literal>> {
    let mut tokens = value.into_iter();
    match (tokens.next(), tokens.next()) {
        (Some(only), None) => numbers(only),
        // `-1` is two tokens.
        (Some(TokenTree::Punct(punct)), _) => Err(Error::at(
            punct.span(),
            format!("this is no plain number: {FORMS}"),
        )),
        (_, Some(second)) => Err(Error::at(second.span(), FORMS)),
        (None, None) => unreachable!("a value is not empty"),
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
        let workers = Arguments::parse(arguments).unwrap().workers;
        workers.map_or_else(Vec::new, |numbers| {
            numbers.iter().map(Literal::to_string).collect()
        })
    }

    fn refused(arguments: TokenStream) -> String {
        Arguments::parse(arguments)
            .unwrap_err()
            .message()
            .to_owned()
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
    fn a_time_out_is_any_expression_on_either_side_of_the_workers() {
        let expression = quote!(Duration::from_millis(1 + 2));
        for arguments in [
            quote!(timeout = #expression),
            quote!(timeout = #expression,),
            quote!(timeout = #expression, workers = 3),
            quote!(workers = 3, timeout = #expression),
        ] {
            let has_workers = arguments.to_string().contains("workers");
            let found = Arguments::parse(arguments).unwrap();
            assert_eq!(found.timeout.unwrap().to_string(), expression.to_string());
            assert_eq!(found.workers.is_some(), has_workers);
        }
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
        assert!(refused(quote!(workers = 1, workers = 2)).contains("given twice"));
        assert!(refused(quote!(workers = 1, , timeout = x)).contains("knows no argument"));
        assert!(refused(quote!(timeout)).contains("`timeout` needs a value: write `timeout"));
        assert!(refused(quote!(timeout = , workers = 1)).contains("needs a value"));
        assert!(refused(quote!(timeout = a, timeout = b)).contains("given twice"));
    }
}
