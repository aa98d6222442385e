//! Reads the one kind of item both macros accept: a plain function without
//! arguments and without generics.
//!
//! The parser looks only at what it has to decide on. Attributes, the
//! visibility, everything from `->` to the body (the type, a `where` clause) and
//! the body itself are handed on token for token, so whatever the language
//! learns to put there works, and the compiler's own errors about it point at
//! the user's text.
//!
//! Tokens that a `macro_rules!` macro substituted arrive in invisible groups
//! (`$name` as it was matched). They are opened up to `->`; after it they stay,
//! because in a type they keep the precedence of what was matched.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

use crate::error::{Error, Result};

/// A function as it was written, in the pieces the macros put together anew.
pub(crate) struct Function {
    /// All outer attributes, doc comments among them.
    pub(crate) attributes: TokenStream,
    /// Nothing, `pub` or `pub(..)`.
    pub(crate) visibility: TokenStream,
    pub(crate) name: Ident,
    /// From `->` up to the body: the result and a `where` clause, or nothing.
    pub(crate) result: TokenStream,
    /// Where to show that the result's type does not fit.
    pub(crate) result_span: Span,
    pub(crate) body: Group,
}

impl Function {
    /// Reads `item`; `attribute` is how the macro is called in messages.
    pub(crate) fn parse(item: TokenStream, attribute: &str) -> Result<Function> {
        let mut tokens = Tokens::new(item);
        let attributes = tokens.attributes();
        let visibility = tokens.visibility();
        tokens.refuse_qualifiers()?;
        let Some(keyword) = tokens.keyword("fn") else {
            return Err(Error::at(
                tokens.here(),
                format!("`#[{attribute}]` goes on a function: `fn name() {{ .. }}`"),
            ));
        };
        let Some(TokenTree::Ident(name)) = tokens.next() else {
            return Err(Error::at(keyword, "a function needs a name"));
        };
        tokens.refuse_generics(attribute)?;
        tokens.refuse_parameters(&name, attribute)?;
        let body = tokens.body(&name)?;
        let result = tokens.rest();
        Ok(Function {
            attributes,
            visibility,
            result_span: result_span(&result).unwrap_or(name.span()),
            name,
            result,
            body,
        })
    }
}

/// The function's name as the argument of the runtime's call, shown at the
/// result's type: that is what has to change if it cannot end a program or test.
pub(crate) fn shown_at(name: &Ident, result_span: Span) -> Ident {
    let mut name = name.clone();
    name.set_span(name.span().located_at(result_span));
    name
}

/// The tokens of an item, read from the front, the body from the back.
struct Tokens {
    tokens: std::collections::VecDeque<TokenTree>,
    last: Span,
}

impl Tokens {
    fn new(item: TokenStream) -> Self {
        let mut tokens = Vec::new();
        open_groups(item, &mut tokens);
        Tokens {
            tokens: tokens.into(),
            last: Span::call_site(),
        }
    }

    fn next(&mut self) -> Option<TokenTree> {
        let token = self.tokens.pop_front()?;
        self.last = token.span();
        Some(token)
    }

    /// The span of the next token, or of the last one if there is none.
    fn here(&self) -> Span {
        self.tokens.front().map_or(self.last, TokenTree::span)
    }

    fn peek_ident(&self) -> Option<String> {
        match self.tokens.front()? {
            TokenTree::Ident(ident) => Some(ident.to_string()),
            _ => None,
        }
    }

    fn peek_punct(&self, wanted: char) -> bool {
        matches!(self.tokens.front(), Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
    }

    fn keyword(&mut self, wanted: &str) -> Option<Span> {
        if self.peek_ident().as_deref() != Some(wanted) {
            return None;
        }
        self.next().map(|token| token.span())
    }

    fn attributes(&mut self) -> TokenStream {
        let mut attributes = TokenStream::new();
        while self.peek_punct('#') {
            // `#` and the group in brackets; the compiler has checked that it is one.
            attributes.extend(self.next());
            attributes.extend(self.next());
        }
        attributes
    }

    fn visibility(&mut self) -> TokenStream {
        let mut visibility = TokenStream::new();
        if self.peek_ident().as_deref() == Some("pub") {
            visibility.extend(self.next());
            if matches!(self.tokens.front(), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis)
            {
                visibility.extend(self.next());
            }
        }
        visibility
    }

    fn refuse_qualifiers(&mut self) -> Result<()> {
        let Some(word) = self.peek_ident() else {
            return Ok(());
        };
        let message = match word.as_str() {
            "async" => {
                "a routine is not a future: drop `async`, and call what blocks directly \
                 instead of awaiting it"
            }
            "const" => "a `const fn` cannot run as a routine: drop `const`",
            "unsafe" => {
                "a routine's function is called by safe code: drop `unsafe`, and use an \
                 `unsafe` block in the body"
            }
            "extern" => "a routine's function has Rust's own ABI: drop `extern`",
            _ => return Ok(()),
        };
        let is_const_item = word == "const" && !self.is_function();
        if is_const_item {
            return Ok(());
        }
        Err(Error::at(self.here(), message))
    }

    /// Whether `fn` stands before the first group: `const X: u8` is no function.
    fn is_function(&self) -> bool {
        self.tokens
            .iter()
            .take_while(|token| !matches!(token, TokenTree::Group(_)))
            .any(|token| matches!(token, TokenTree::Ident(ident) if ident == "fn"))
    }

    fn refuse_generics(&self, attribute: &str) -> Result<()> {
        if self.peek_punct('<') {
            return Err(Error::at(
                self.here(),
                format!(
                    "`#[{attribute}]` calls the function itself and has no types to fill in: \
                     drop the generics"
                ),
            ));
        }
        Ok(())
    }

    fn refuse_parameters(&mut self, name: &Ident, attribute: &str) -> Result<()> {
        match self.next() {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
                if group.stream().is_empty() {
                    return Ok(());
                }
                Err(Error::over(
                    group.stream(),
                    format!(
                        "`#[{attribute}]` calls the function itself and has no arguments to pass: \
                         drop them"
                    ),
                ))
            }
            _ => Err(Error::at(
                name.span(),
                "`()` must follow the function's name",
            )),
        }
    }

    fn body(&mut self, name: &Ident) -> Result<Group> {
        match self.tokens.pop_back() {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => Ok(group),
            _ => Err(Error::at(
                name.span(),
                format!("`fn {name}` has no body to run: write `{{ .. }}` instead of `;`"),
            )),
        }
    }

    fn rest(self) -> TokenStream {
        self.tokens.into_iter().collect()
    }
}

/// Puts the tokens of `stream` into `tokens`, opening the invisible groups that
/// stand before `->` and the one that holds the body.
fn open_groups(stream: TokenStream, tokens: &mut Vec<TokenTree>) {
    for token in stream {
        match token {
            TokenTree::Group(group)
                if group.delimiter() == Delimiter::None && !has_arrow(tokens) =>
            {
                open_groups(group.stream(), tokens);
            }
            other => tokens.push(other),
        }
    }
    while let Some(inner) = tokens.last().and_then(only_token_of_invisible_group) {
        tokens.pop();
        tokens.push(inner);
    }
}

/// Whether `->` is among `tokens`: from there on, a type is being written.
fn has_arrow(tokens: &[TokenTree]) -> bool {
    tokens.windows(2).any(|pair| is_arrow(&pair[0], &pair[1]))
}

fn is_arrow(first: &TokenTree, second: &TokenTree) -> bool {
    matches!(
        (first, second),
        (TokenTree::Punct(minus), TokenTree::Punct(greater))
            if minus.as_char() == '-' && greater.as_char() == '>'
    )
}

fn only_token_of_invisible_group(token: &TokenTree) -> Option<TokenTree> {
    let TokenTree::Group(group) = token else {
        return None;
    };
    if group.delimiter() != Delimiter::None {
        return None;
    }
    let mut inner = group.stream().into_iter();
    let only = inner.next()?;
    inner.next().is_none().then_some(only)
}

/// The span of the type after `->`: its first token is enough to find it.
fn result_span(result: &TokenStream) -> Option<Span> {
    let mut tokens = result.clone().into_iter();
    is_arrow(&tokens.next()?, &tokens.next()?).then_some(())?;
    Some(tokens.next()?.span())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proc_macro2::Group;
    use quote::quote;

    fn parse(item: TokenStream) -> Function {
        Function::parse(item, "rust_routines::main").unwrap_or_else(|e| panic!("{}", e.message()))
    }

    fn refused(item: TokenStream) -> String {
        match Function::parse(item, "rust_routines::main") {
            Ok(function) => panic!("accepted `fn {}`", function.name),
            Err(error) => error.message().to_owned(),
        }
    }

    #[test]
    fn every_piece_is_found() {
        let function = parse(quote! {
            /// Docs.
            #[cfg(unix)]
            pub(crate) fn main() -> Result<Array<{ N }>, Error> where String: Clone { body(); }
        });
        let attributes = quote!(
            /// Docs.
            #[cfg(unix)]
        );
        assert_eq!(function.attributes.to_string(), attributes.to_string());
        assert_eq!(
            function.visibility.to_string(),
            quote!(pub(crate)).to_string()
        );
        assert_eq!(function.name, "main");
        let result = quote!(-> Result<Array<{ N }>, Error> where String: Clone);
        assert_eq!(function.result.to_string(), result.to_string());
        assert_eq!(
            function.body.stream().to_string(),
            quote!(body();).to_string()
        );
    }

    #[test]
    fn a_function_may_be_as_short_as_it_gets() {
        let function = parse(quote!(
            fn main() {}
        ));
        assert!(function.attributes.is_empty());
        assert!(function.visibility.is_empty());
        assert!(function.result.is_empty());
        assert!(function.body.stream().is_empty());
    }

    #[test]
    fn what_macro_rules_substituted_is_seen_through() {
        let invisible = |tokens| TokenTree::Group(Group::new(Delimiter::None, tokens));
        let none = invisible(TokenStream::new());
        let visibility = invisible(quote!(pub));
        let body = invisible(quote!({
            body();
        }));
        let kind = invisible(quote!(dyn A + B));
        let function = parse(quote!(#none #visibility fn main() -> &'static #kind #body));
        assert_eq!(function.visibility.to_string(), "pub");
        assert_eq!(
            function.body.stream().to_string(),
            quote!(body();).to_string()
        );
        let kept = function.result.into_iter().last();
        assert!(
            matches!(kept, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::None),
            "the type keeps its group, and with it its precedence"
        );

        let item = invisible(quote!(
            fn main() {}
        ));
        assert_eq!(parse(quote!(#[cfg(unix)] #item)).name, "main");
    }

    #[test]
    fn what_is_no_plain_function_is_refused_with_advice() {
        assert!(
            refused(quote!(
                async fn main() {}
            ))
            .contains("drop `async`")
        );
        assert!(
            refused(quote!(
                const fn main() {}
            ))
            .contains("drop `const`")
        );
        assert!(refused("pub unsafe fn main() {}".parse().unwrap()).contains("drop `unsafe`"));
        assert!(
            refused(quote!(
                extern "C" fn main() {}
            ))
            .contains("drop `extern`")
        );
        assert!(
            refused(quote!(
                fn main(arguments: &[&str]) {}
            ))
            .contains("no arguments to pass")
        );
        assert!(
            refused(quote!(
                fn main<T>() {}
            ))
            .contains("drop the generics")
        );
        assert!(
            refused(quote!(
                fn main() -> ();
            ))
            .contains("has no body")
        );
        assert!(
            refused(quote!(
                fn main();
            ))
            .contains("has no body")
        );
        for other in [
            quote!(
                struct Main;
            ),
            quote!(
                const X: u8 = 1;
            ),
            quote!(
                mod main {}
            ),
            quote!(),
        ] {
            assert!(refused(other).contains("goes on a function"));
        }
    }
}
