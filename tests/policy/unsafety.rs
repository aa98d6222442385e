//! Where `unsafe` may stand, what has to stand above it, and that users never
//! meet it.

use crate::source::{Finding, Kind, Source, Token};

/// How many lines above an `unsafe` its `SAFETY:` may begin.
const LINES_ABOVE: usize = 8;

/// Whether `path` belongs to the one package that may use `unsafe`.
pub(crate) fn may_hold_unsafe(path: &str) -> bool {
    path.starts_with("core/") && !path.starts_with("core/macros/")
}

/// Every `unsafe {` and `unsafe impl` has a `SAFETY:` comment above it.
pub(crate) fn check_safety_comments(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for (token, next) in pairs(&source.tokens) {
            let wants_reason = next.is("impl") || next.kind == Kind::Open('{');
            if token.is("unsafe")
                && wants_reason
                && !source.has_word_near("SAFETY:", token.line, LINES_ABOVE)
            {
                let message =
                    format!("`unsafe` without `SAFETY:` in the {LINES_ABOVE} lines above");
                findings.push(source.finding(token.line, message));
            }
        }
    }
    findings
}

/// Nothing a user can name is unsafe: no public function or trait, no function
/// of a public trait, and no exported macro that expands to `unsafe`.
pub(crate) fn check_public(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for index in 0..source.tokens.len() {
            let tokens = &source.tokens[index..];
            if tokens[0].test_only {
                continue;
            }
            let found = if is_public_unsafe(tokens) {
                Some("a public `unsafe` item: users of the runtime write no unsafe code")
            } else if unsafe_in_public_trait(source, index) {
                Some("an `unsafe fn` in a public trait")
            } else if unsafe_in_exported_macro(source, index) {
                Some("an exported macro that expands to `unsafe` hides it from users")
            } else {
                None
            };
            findings.extend(found.map(|message| source.finding(tokens[0].line, message)));
        }
    }
    findings
}

/// `pub [const] [async] unsafe [extern ".."] fn|trait`, but not `pub(..)`.
fn is_public_unsafe(tokens: &[Token]) -> bool {
    if !tokens[0].is("pub") {
        return false;
    }
    let mut rest = tokens[1..]
        .iter()
        .skip_while(|token| token.is("const") || token.is("async"));
    if !rest.next().is_some_and(|token| token.is("unsafe")) {
        return false;
    }
    let mut rest = rest.skip_while(|token| token.is("extern") || token.kind == Kind::Literal);
    rest.next()
        .is_some_and(|token| token.is("fn") || token.is("trait"))
}

/// Whether `pub trait` at `index` declares an `unsafe fn`.
fn unsafe_in_public_trait(source: &Source, index: usize) -> bool {
    let tokens = &source.tokens;
    let is_trait =
        tokens[index].is("pub") && tokens.get(index + 1).is_some_and(|token| token.is("trait"));
    if !is_trait {
        return false;
    }
    let Some(length) = tokens[index..]
        .iter()
        .position(|token| token.kind == Kind::Open('{'))
    else {
        return false;
    };
    let open = index + length;
    pairs(&tokens[open..source.past_group(open)])
        .any(|(token, next)| token.is("unsafe") && next.is("fn"))
}

/// Whether `macro_export` at `index` stands before a macro with an `unsafe` in it.
fn unsafe_in_exported_macro(source: &Source, index: usize) -> bool {
    let tokens = &source.tokens;
    if !tokens[index].is("macro_export") {
        return false;
    }
    let Some(length) = tokens[index..]
        .iter()
        .position(|token| token.is("macro_rules"))
    else {
        return false;
    };
    // `macro_rules ! name {`
    let open = index + length + 3;
    tokens[open..source.past_group(open)]
        .iter()
        .any(|token| token.is("unsafe"))
}

/// No `unsafe` at all.
pub(crate) fn check_absent(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for token in source.tokens.iter().filter(|token| token.is("unsafe")) {
            findings.push(source.finding(token.line, "`unsafe` outside of the core"));
        }
    }
    findings
}

/// Each of `roots` that is among `sources` says `#![forbid(unsafe_code)]`.
pub(crate) fn check_forbidden(sources: &[Source], roots: &[String]) -> Vec<Finding> {
    sources
        .iter()
        .filter(|source| roots.contains(&source.path) && !forbids_unsafe(source))
        .map(|source| source.finding(1, "the root of a target without `#![forbid(unsafe_code)]`"))
        .collect()
}

fn forbids_unsafe(source: &Source) -> bool {
    source.tokens.windows(6).any(|six| {
        six[0].is_punct('#')
            && six[1].is_punct('!')
            && six[3].is("forbid")
            && six[5].is("unsafe_code")
    })
}

/// Each token with the one after it.
fn pairs(tokens: &[Token]) -> impl Iterator<Item = (&Token, &Token)> {
    tokens.iter().zip(tokens.iter().skip(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> [Source; 1] {
        [Source::new("core/src/a.rs", text)]
    }

    #[test]
    fn unsafe_without_a_reason_is_found() {
        for text in ["fn f() { unsafe { g() } }", "unsafe impl Send for S {}"] {
            assert_eq!(check_safety_comments(&one(text)).len(), 1, "{text}");
            assert!(
                check_safety_comments(&one(&format!("// SAFETY: I1.\n{text}"))).is_empty(),
                "{text}"
            );
            let far = format!("// SAFETY: I1.{}{text}", "\n".repeat(LINES_ABOVE + 1));
            assert_eq!(check_safety_comments(&one(&far)).len(), 1, "{text}");
        }
        assert!(check_safety_comments(&one("unsafe fn f() {} // unsafe { }")).is_empty());
    }

    #[test]
    fn public_unsafe_is_found() {
        for text in [
            "pub unsafe fn f() {}",
            "pub const unsafe extern \"C\" fn f() {}",
            "impl S {\n    pub unsafe\n    fn f() {} }",
            "pub unsafe trait T {}",
            "pub trait T { fn g(); unsafe fn f(); }",
            "#[macro_export] macro_rules! go { ($e:expr) => { unsafe { $e } } }",
        ] {
            assert_eq!(check_public(&one(text)).len(), 1, "{text}");
        }
    }

    #[test]
    fn private_unsafe_is_fine() {
        for text in [
            "pub(crate) unsafe fn f() {}",
            "unsafe fn f() {}",
            "trait T { unsafe fn f(); }",
            "pub fn f() { unsafe { g() } }",
            "macro_rules! own { ($e:expr) => { unsafe { $e } } }",
            "/// pub unsafe fn f()\npub fn f(g: unsafe fn()) {}",
        ] {
            assert!(check_public(&one(text)).is_empty(), "{text}");
        }
    }

    #[test]
    fn any_unsafe_outside_is_found() {
        for text in [
            "fn f() { unsafe { g() } }",
            "unsafe fn f() {}",
            "#[unsafe(no_mangle)] fn f() {}",
        ] {
            assert_eq!(check_absent(&one(text)).len(), 1, "{text}");
        }
        assert!(check_absent(&one("#![forbid(unsafe_code)] // unsafe")).is_empty());
    }

    #[test]
    fn roots_have_to_forbid() {
        let roots = ["core/src/a.rs".to_owned()];
        for text in [
            "fn main() {}",
            "#![deny(unsafe_code)]",
            "//! forbid(unsafe_code)",
            "#[forbid(unsafe_code)] fn f() {}",
        ] {
            assert_eq!(check_forbidden(&one(text), &roots).len(), 1, "{text}");
        }
        assert!(check_forbidden(&one("//! A.\n#![forbid(unsafe_code)]\n"), &roots).is_empty());
        assert!(
            check_forbidden(&one("fn f() {}"), &[]).is_empty(),
            "no root"
        );
    }

    #[test]
    fn the_macros_are_outside() {
        assert!(may_hold_unsafe("core/src/lib.rs"));
        assert!(!may_hold_unsafe("core/macros/src/lib.rs"));
        assert!(!may_hold_unsafe("gostd/src/lib.rs"));
    }
}
