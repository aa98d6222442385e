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
//! let mut output = none();
//! let chosen = match (&mut operand(&mut output, if cond { on(rx.recv_arm()) } else { none() }), now()) {
//!     (place, limit) => if is_idle(place) { 1 } else { run([place], limit) }
//! };
//! match chosen { 0 => match taken(output) { pat => body }, _ => other }
//! ```
//!
//! The operands stand in the head of a `match`, so that they, and what they borrow from temporaries, live
//! as long as the wait; but what is borrowed under a guard ends with its `if`. All arms are gone before a
//! body runs. A result is moved once, from the arm to its place, and from there into the pattern:
//! messages may be large, stacks are not. Our names are invisible to the user's code (`mixed_site`).
//! Nothing of this is `unsafe`.

mod advice;
mod arms;
mod tokens;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};

use crate::error::Result;
use arms::{Arms, Case, Default};

/// The expansion of `(root) arms..`.
pub(crate) fn expand(input: TokenStream) -> Result<TokenStream> {
    let (root, arms) = arms::read(input)?;
    if arms.cases.is_empty() {
        return Ok(match arms.default {
            Some(default) => alone(&root, &default),
            None => quote!(#root::__private::select_nothing()),
        });
    }
    Ok(wait(&root, arms))
}

/// A `default` without arms.
fn alone(root: &TokenStream, default: &Default) -> TokenStream {
    let body = &default.body;
    let done = match &default.timeout {
        None => body.clone(),
        Some(timeout) => quote!({ #root::time::sleep(#timeout); #body }),
    };
    match &default.guard {
        None => done,
        Some(guard) => quote!(if #guard { #done } else { #root::__private::select_nothing() }),
    }
}

/// How long the select waits; with a guard that is false, as without a `default`.
fn limit(private: &TokenStream, default: Option<&Default>) -> TokenStream {
    let never = quote!(#private::select_never());
    let Some(default) = default else {
        return never;
    };
    let limit = match &default.timeout {
        None => quote!(#private::select_now()),
        Some(timeout) => quote!(#private::select_until(#timeout)),
    };
    match &default.guard {
        None => limit,
        Some(guard) => quote!(if #guard { #limit } else { #never }),
    }
}

/// Of the first and the last token of a range: there is no joining them.
type Spans = (Span, Span);

fn ours(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

fn wait(root: &TokenStream, arms: Arms) -> TokenStream {
    let private = quote!(#root::__private);
    let (chosen, waits) = (ours("chosen"), ours("limit"));
    let numbers = 0..arms.cases.len();
    let outputs: Vec<Ident> = numbers
        .clone()
        .map(|i| format_ident!("output_{}", i, span = Span::mixed_site()))
        .collect();
    let places: Vec<Ident> = numbers
        .clone()
        .map(|i| format_ident!("place_{}", i, span = Span::mixed_site()))
        .collect();
    let operands = arms
        .cases
        .iter()
        .zip(&outputs)
        .map(|(case, output)| place(root, case, output));
    let until = limit(&private, arms.default.as_ref());
    let bodies = arms
        .cases
        .iter()
        .zip(&outputs)
        .map(|(case, output)| body(&private, case, output));
    let otherwise = match &arms.default {
        Some(default) => default.body.clone(),
        None => quote!(#private::select_unreachable()),
    };
    let run = quote!(#private::select_run([#(#places),*], #waits));
    let run = match &arms.default {
        Some(Default {
            timeout: None,
            guard: None,
            ..
        }) => {
            let none = arms.cases.len();
            quote!(if #(#private::select_is_idle(#places))&&* { #none } else { #run })
        }
        _ => run,
    };
    quote!({
        #[allow(unused_imports)]
        use #private::{SelectRecv as _, SelectSend as _};
        #(let mut #outputs = #private::select_none();)*
        let #chosen = match (#(&mut #operands,)* #until,) { (#(#places,)* #waits,) => #run };
        match #chosen {
            #(#numbers => #bodies,)*
            _ => #otherwise,
        }
    })
}

/// The operand as an arm, with the place for its result; with a guard it is evaluated only if that is true.
///
/// That the operand is no arm concerns the call, its argument and what that is made of: all of them have the
/// same span, that of the operand, so that the compiler tells of it once.
fn place(root: &TokenStream, case: &Case, output: &Ident) -> TokenStream {
    let (first, last) = case.spans;
    let (site, _) = ends(root);
    let on = shown(root, "select_on", case.spans);
    let operand = shown(root, "select_operand", case.spans);
    let mut arm = Group::new(Delimiter::Parenthesis, case.arm.clone());
    arm.set_span(last.resolved_at(site));
    let mut arm = quote!(#on #arm);
    if let Some(guard) = &case.guard {
        let none = quote!(#root::__private::select_none());
        let mut otherwise = Group::new(Delimiter::Brace, none);
        otherwise.set_span(last.resolved_at(site));
        let word = Ident::new("if", first.resolved_at(site));
        arm = quote!(#word #guard { #arm } else #otherwise);
    }
    quote!(#operand(&mut #output, #arm))
}

/// The path of a function of ours that the compiler shows to the user as the range from the first to the last
/// of the two spans.
fn shown(root: &TokenStream, name: &str, (first, last): Spans) -> TokenStream {
    let (site, _) = ends(root);
    let root = root.clone().into_iter().map(|mut token| {
        token.set_span(first.resolved_at(token.span()));
        token
    });
    let root: TokenStream = root.collect();
    let name = Ident::new(name, last.resolved_at(site));
    quote!(#root::__private::#name)
}

/// The body, with the pattern bound to the result.
///
/// An arm of a `match`: there a body in braces is what everybody writes, `|` needs no parentheses, and
/// what a pattern leaves out is told of in few words.
fn body(private: &TokenStream, case: &Case, output: &Ident) -> TokenStream {
    let body = &case.body;
    // Shown as the body, where its type matters.
    let (start, end) = ends(body);
    let word = Ident::new("match", start.resolved_at(Span::mixed_site()));
    let (taken, arms) = match case.pattern.as_slice() {
        // Dropped before the body runs, and not after it.
        [] => (dropped(private, output), quote!(() => #body)),
        [TokenTree::Ident(name)] if *name == "_" && case.ty.is_none() => {
            (dropped(private, output), quote!(() => #body))
        }
        [name @ TokenTree::Ident(_)] => (taken(private, output, case), quote!(#name => #body)),
        pattern => {
            // With a second arm, that is not the user's, the compiler does not say where to add one.
            let nothing = quote!(_ if false => #private::select_unreachable());
            let arms = quote!(#(#pattern)* => #body, #[allow(unreachable_patterns)] #nothing);
            (taken(private, output, case), arms)
        }
    };
    let mut arms = Group::new(Delimiter::Brace, arms);
    arms.set_span(end.resolved_at(Span::mixed_site()));
    quote!(#word #taken #arms)
}

/// The spans of the first and the last token.
fn ends(tokens: &TokenStream) -> Spans {
    let mut spans = tokens.clone().into_iter().map(|token| token.span());
    let first = spans.next().unwrap_or_else(Span::mixed_site);
    (first, spans.last().unwrap_or(first))
}

fn dropped(private: &TokenStream, output: &Ident) -> TokenStream {
    quote!(#private::select_dropped(#output))
}

/// What is bound, shown to the user at the pattern.
fn taken(private: &TokenStream, output: &Ident, case: &Case) -> TokenStream {
    let (first, last) = ends(&case.pattern.iter().cloned().collect());
    let mut function = Group::new(Delimiter::Parenthesis, quote!(#private::select_taken));
    function.set_span(first);
    let mut arguments = Group::new(Delimiter::Parenthesis, quote!(#output));
    arguments.set_span(last);
    let taken = quote!(#function #arguments);
    let Some(ty) = &case.ty else {
        return taken;
    };
    // In two steps: else the type would be sought in our functions.
    let typed = Ident::new("typed", first.resolved_at(Span::mixed_site()));
    let block = quote!(let #typed = #taken; let #typed: #ty = #typed; #typed);
    let mut block = Group::new(Delimiter::Brace, block);
    block.set_span(first);
    block.into_token_stream()
}
