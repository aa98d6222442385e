//! What a macro says when it refuses: a message over a range of the user's
//! tokens, which becomes a `compile_error!` that the compiler shows there.
//!
//! Two spans and not one joined span: `Span::join` gives nothing on a stable
//! compiler, but an error over an expression is shown from its first token's
//! span to its last one's.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::quote_spanned;

/// One refusal.
#[derive(Debug)]
pub(crate) struct Error {
    first: Span,
    last: Span,
    message: String,
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A refusal of what stands at `span`.
    pub(crate) fn at(span: Span, message: impl Into<String>) -> Self {
        Error {
            first: span,
            last: span,
            message: message.into(),
        }
    }

    /// A refusal of all of `tokens`; of the macro's own call if there are none.
    pub(crate) fn over(tokens: TokenStream, message: impl Into<String>) -> Self {
        let mut spans = tokens.into_iter().map(|token: TokenTree| token.span());
        let first = spans.next().unwrap_or_else(Span::call_site);
        Error {
            first,
            last: spans.last().unwrap_or(first),
            message: message.into(),
        }
    }

    /// The tokens that make the compiler show this refusal.
    pub(crate) fn into_compile_error(self) -> TokenStream {
        let message = self.message;
        let arguments = quote_spanned!(self.last=> { #message });
        quote_spanned!(self.first=> ::core::compile_error! #arguments)
    }

    #[cfg(test)]
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The text of the user that the compiler will underline.
    #[cfg(test)]
    pub(crate) fn text(&self) -> Option<String> {
        self.first.join(self.last)?.source_text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Arguments;
    use crate::function::Function;

    /// What is underlined in `item`.
    fn in_item(item: &str) -> String {
        let refusal = Function::parse(item.parse().unwrap(), "rust_routines::main").err();
        refusal
            .and_then(|error| error.text())
            .unwrap_or_else(|| panic!("nothing in {item}"))
    }

    /// What is underlined in `arguments`.
    fn in_arguments(arguments: &str) -> String {
        let refusal = Arguments::parse(arguments.parse().unwrap()).err();
        refusal
            .and_then(|error| error.text())
            .unwrap_or_else(|| panic!("nothing in {arguments}"))
    }

    #[test]
    fn a_refusal_points_at_the_tokens_that_have_to_go() {
        assert_eq!(in_item("pub async fn main() {}"), "async");
        assert_eq!(in_item("fn main(a: u8, b: u8) {}"), "a: u8, b: u8");
        assert_eq!(in_item("fn main<T>() {}"), "<");
        assert_eq!(in_item("#[cfg(unix)] struct Main;"), "struct");
        assert_eq!(in_item("fn main() -> ();"), "main");

        assert_eq!(in_arguments("threads = 2"), "threads");
        assert_eq!(in_arguments("workers"), "workers");
        assert_eq!(in_arguments("workers ="), "workers =");
        assert_eq!(in_arguments("workers = [1, 0]"), "0");
        assert_eq!(in_arguments("workers = []"), "[]");
        assert_eq!(in_arguments("workers = 2, threads = 1"), "threads");
    }

    #[test]
    fn a_refusal_becomes_a_compile_error_with_its_words() {
        let error = Error::at(Span::call_site(), "say \"please\"").into_compile_error();
        assert_eq!(
            error.to_string(),
            r#":: core :: compile_error ! { "say \"please\"" }"#
        );
    }
}
