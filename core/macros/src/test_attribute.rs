//! `#[rust_routines::test]`: `fn name() -> R { body }` becomes
//!
//! ```text
//! #[::core::prelude::v1::test]
//! fn name() {
//!     fn name() -> R { body }
//!     ::rust_routines::__private::test(name)
//! }
//! ```
//!
//! and `test_on(Some(&[1, 2, 8]), Some(timeout), name)` where anything was given. The
//! inner function is one that can be called again, once for each number.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};

use crate::arguments::Arguments;
use crate::error::{Error, Result};
use crate::function::{Function, shown_at};

/// The expansion, or a `compile_error!`.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    try_expand(arguments, item).unwrap_or_else(Error::into_compile_error)
}

fn try_expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let Arguments { workers, timeout } = Arguments::parse(arguments)?;
    let function = Function::parse(item, "rust_routines::test")?;
    let Function {
        attributes,
        visibility,
        name,
        result,
        result_span,
        body,
    } = function;
    refuse_second_test_attribute(&attributes)?;
    let call_span = Span::call_site().located_at(result_span);
    let inner = shown_at(&name, result_span);
    let private = quote_spanned!(call_span=> ::rust_routines::__private);
    let call = if workers.is_none() && timeout.is_none() {
        quote_spanned!(call_span=> #private::test(#inner))
    } else {
        let option = |value: Option<TokenStream>| match value {
            Some(value) => quote!(::core::option::Option::Some(#value)),
            None => quote!(::core::option::Option::None),
        };
        let workers = option(workers.map(|numbers| quote!(&[#(#numbers),*])));
        let timeout = option(timeout);
        quote_spanned!(call_span=> #private::test_on(#workers, #timeout, #inner))
    };
    Ok(quote! {
        #attributes
        #[::core::prelude::v1::test]
        #visibility fn #name() {
            fn #name() #result #body
            #call
        }
    })
}

/// Two of them would register the function twice, and the other one would run it
/// outside of a routine or on another runtime.
fn refuse_second_test_attribute(attributes: &TokenStream) -> Result<()> {
    for token in attributes.clone() {
        let TokenTree::Group(group) = token else {
            continue;
        };
        if last_segment(group.stream()).as_deref() == Some("test") {
            return Err(Error::over(
                group.stream(),
                "`#[rust_routines::test]` makes the function a test by itself: drop the other \
                 test attribute",
            ));
        }
    }
    Ok(())
}

/// `test` of `#[test]`, `#[tokio::test]` and `#[tokio::test(flavor = "..")]`.
fn last_segment(attribute: TokenStream) -> Option<String> {
    attribute
        .into_iter()
        .take_while(|token| match token {
            TokenTree::Ident(_) => true,
            TokenTree::Punct(punct) => punct.as_char() == ':',
            _ => false,
        })
        .filter_map(|token| match token {
            TokenTree::Ident(ident) => Some(ident.to_string()),
            _ => None,
        })
        .last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_function_becomes_a_test_that_keeps_its_attributes() {
        let expansion = expand(
            TokenStream::new(),
            quote! {
                #[should_panic(expected = "boom")]
                fn it_panics() { panic!("boom") }
            },
        );
        let wanted = quote! {
            #[should_panic(expected = "boom")]
            #[::core::prelude::v1::test]
            fn it_panics() {
                fn it_panics() { panic!("boom") }
                ::rust_routines::__private::test(it_panics)
            }
        };
        assert_eq!(expansion.to_string(), wanted.to_string());
    }

    #[test]
    fn the_arguments_are_handed_on() {
        let (some, none) = (
            quote!(::core::option::Option::Some),
            quote!(::core::option::Option::None),
        );
        for (arguments, handed_on) in [
            (quote!(workers = [1, 8]), quote!(#some(&[1, 8]), #none)),
            (quote!(timeout = t()), quote!(#none, #some(t()))),
            (
                quote!(workers = 2, timeout = t()),
                quote!(#some(&[2]), #some(t())),
            ),
        ] {
            let function = quote!(
                fn it_works() {}
            );
            let expansion = expand(arguments, function).to_string();
            let wanted = quote!(::rust_routines::__private::test_on(#handed_on, it_works));
            assert!(expansion.contains(&wanted.to_string()), "{expansion}");
        }
    }

    #[test]
    fn a_second_test_attribute_is_refused() {
        for other in [
            quote!(#[test]),
            quote!(#[::core::prelude::v1::test]),
            quote!(#[tokio::test(flavor = "current_thread")]),
        ] {
            let error = try_expand(TokenStream::new(), quote!(#other fn twice() {})).unwrap_err();
            assert!(
                error.message().contains("drop the other"),
                "{}",
                error.message()
            );
        }
        let neighbours = quote!(
            #[cfg(test)]
            #[test_log::setup]
            #[allow(test)]
            fn once() {}
        );
        assert!(try_expand(TokenStream::new(), neighbours).is_ok());
    }
}
