//! `select!`: from the arms as they were written to the calls that wait.
//!
//! A macro of `macro_rules!` could not see that an operand ends in `.recv()`, and has to be told each
//! combination of optional parts; so the arms are read here, token by token. The crate's own name is
//! handed in by the `macro_rules!` macro around this one (`$crate`), so that crates which re-export
//! `select!` work too.
//!
//! ```text
//! select! { pat = rx.recv(), if cond => body, default => other }
//!
//! let (chosen, output) = match (if cond { place(Some(rx.recv_arm())) } else { place(None) }, now()) {
//!     (mut place, limit) => { let chosen = run([&mut place], limit); (chosen, place.into_output()) }
//! };
//! match chosen { 0 => { let pat = taken(output); body } _ => other }
//! ```
//!
//! The operands stand in the head of a `match` so that what they borrow from temporaries lives as long
//! as the wait. All arms are gone before a body runs. Our names are invisible to the user's code
//! (`mixed_site`). Nothing of this is `unsafe`.

mod arms;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};

use crate::error::Result;
use arms::{Arms, Case, Default};

/// The expansion of `(root) arms..`.
pub(crate) fn expand(input: TokenStream) -> Result<TokenStream> {
    let (root, arms) = arms::read(input)?;
    if arms.cases.is_empty() {
        return Ok(match arms.default {
            Some(default) if default.timeout.is_none() => default.body,
            Some(default) => {
                let (timeout, body) = (default.timeout, default.body);
                quote!({ #root::time::sleep(#timeout); #body })
            }
            None => quote!(#root::__private::select_nothing()),
        });
    }
    Ok(wait(&root, arms))
}

fn ours(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

fn wait(root: &TokenStream, arms: Arms) -> TokenStream {
    let private = quote!(#root::__private);
    let chosen = ours("chosen");
    let limit = ours("limit");
    let numbers = 0..arms.cases.len();
    let places: Vec<Ident> = numbers
        .clone()
        .map(|i| format_ident!("place_{}", i, span = Span::mixed_site()))
        .collect();
    let outputs: Vec<Ident> = numbers
        .clone()
        .map(|i| format_ident!("output_{}", i, span = Span::mixed_site()))
        .collect();
    let operands = arms.cases.iter().map(|case| operand(&private, case));
    let until = match &arms.default {
        None => quote!(#private::select_never()),
        Some(default) => match &default.timeout {
            None => quote!(#private::select_now()),
            Some(timeout) => quote!(#private::select_until(#timeout)),
        },
    };
    let bodies = arms
        .cases
        .iter()
        .zip(&outputs)
        .zip(numbers)
        .map(|((case, output), number)| {
            let body = &case.body;
            let pattern = case.pattern.clone().unwrap_or_else(|| quote!(_));
            quote!(#[allow(unused_braces)] #number => { let #pattern = #private::select_taken(#output); #body })
        });
    let otherwise = match &arms.default {
        Some(default) => default.body.clone(),
        None => quote!(#private::select_unreachable()),
    };
    let run = quote!(#private::select_run([#(&mut #places),*], #limit));
    let run = match &arms.default {
        Some(Default { timeout: None, .. }) => {
            let none = arms.cases.len();
            quote!(if #(#private::select_is_idle(&#places))&&* { #none } else { #run })
        }
        _ => run,
    };
    quote!({
        let (#chosen, #(#outputs),*) = match (#(#operands,)* #until,) {
            (#(mut #places,)* #limit,) => {
                let #chosen = #run;
                (#chosen, #(#places.into_output()),*)
            }
        };
        match #chosen {
            #(#bodies)*
            #[allow(unused_braces)]
            _ => { #otherwise }
        }
    })
}

/// The operand as an arm in its place; with a guard it is evaluated only if that is true.
fn operand(private: &TokenStream, case: &Case) -> TokenStream {
    let arm = &case.arm;
    let place = quote_spanned!(case.span=> #private::select_place(#arm));
    match &case.guard {
        None => place,
        Some(guard) => quote!(if #guard { #place } else { #private::select_off() }),
    }
}
