//! `#[rust_routines::main]`: `fn main() -> R { body }` becomes
//!
//! ```text
//! fn main() -> ::std::process::ExitCode {
//!     fn main() -> R { body }
//!     ::rust_routines::__private::main(main)
//! }
//! ```
//!
//! The inner function keeps the name, so that a backtrace reads `main::main` and
//! a `main()` in the body still means what was written.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};

use crate::error::{Error, Result};
use crate::function::{Function, shown_at};

/// The expansion, or a `compile_error!` with a `main` beside it, which keeps the
/// compiler from adding that the program has none.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    try_expand(arguments, item).unwrap_or_else(|error| {
        let error = error.into_compile_error();
        quote!(#error fn main() {})
    })
}

fn try_expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !arguments.is_empty() {
        return Err(Error::over(
            arguments,
            "`#[rust_routines::main]` takes no arguments: set RUST_ROUTINES_WORKERS, or build a \
             `rust_routines::runtime::Builder` in a plain `fn main` and call `run` on the runtime",
        ));
    }
    let function = Function::parse(item, "rust_routines::main")?;
    let Function {
        attributes,
        visibility,
        name,
        result,
        result_span,
        body,
    } = function;
    if name != "main" {
        return Err(Error::at(
            name.span(),
            "`#[rust_routines::main]` goes on `fn main`: to run a routine from any other function, \
             call `rust_routines::run`",
        ));
    }
    let call_span = Span::call_site().located_at(result_span);
    let inner = shown_at(&name, result_span);
    let call = quote_spanned!(call_span=> ::rust_routines::__private::main(#inner));
    Ok(quote! {
        #attributes
        #visibility fn #name() -> ::std::process::ExitCode {
            fn #name() #result #body
            #call
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_moves_into_an_inner_function() {
        let expansion = expand(
            TokenStream::new(),
            quote! {
                #[allow(dead_code)]
                pub fn main() -> Result<(), Error> { work()?; Ok(()) }
            },
        );
        let wanted = quote! {
            #[allow(dead_code)]
            pub fn main() -> ::std::process::ExitCode {
                fn main() -> Result<(), Error> { work()?; Ok(()) }
                ::rust_routines::__private::main(main)
            }
        };
        assert_eq!(expansion.to_string(), wanted.to_string());
    }

    #[test]
    fn arguments_and_other_names_are_refused() {
        let error = |arguments, item| try_expand(arguments, item).unwrap_err();
        let arguments = error(
            quote!(workers = 4),
            quote!(
                fn main() {}
            ),
        );
        assert!(arguments.message().contains("takes no arguments"));
        let name = error(
            quote!(),
            quote!(
                fn start() {}
            ),
        );
        assert!(name.message().contains("rust_routines::run"));
    }

    #[test]
    fn a_refusal_leaves_a_main_behind() {
        let expansion = expand(
            TokenStream::new(),
            quote!(
                async fn main() {}
            ),
        )
        .to_string();
        assert!(expansion.contains("compile_error"), "{expansion}");
        assert!(
            expansion.ends_with(
                &quote!(
                    fn main() {}
                )
                .to_string()
            ),
            "{expansion}"
        );
    }
}
