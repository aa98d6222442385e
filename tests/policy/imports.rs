//! Which top-level modules of the core a file names, by any path: a `use` with
//! nested groups, an expression, a type, a macro's `$crate::..`.
//!
//! Every path into another top-level module starts with `crate` or climbs there
//! with `super`, so these two words are where the search starts. A path that stays
//! inside the file's own top-level module is of no interest.

use crate::source::{Kind, Source, Token};

/// One mention of a top-level item of the crate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// The module's name, or `*` for a glob over the crate's root.
    pub(crate) to: String,
    pub(crate) line: usize,
}

/// The path of the module that `core/src/<path>` holds: `["sync", "mutex"]`.
pub(crate) fn module_path(path: &str) -> Vec<String> {
    let inner = path.split_once("src/").map_or(path, |(_, inner)| inner);
    let mut names: Vec<String> = inner
        .trim_end_matches(".rs")
        .split('/')
        .map(str::to_owned)
        .collect();
    if names
        .last()
        .is_some_and(|last| last == "mod" || last == "lib")
    {
        names.pop();
    }
    names
}

/// Everything `source` imports from the crate, except what is for tests only.
pub(crate) fn imports(source: &Source) -> Vec<Import> {
    let tokens = &source.tokens;
    let mut scan = Scan {
        tokens,
        found: Vec::new(),
    };
    let mut module = module_path(&source.path);
    // Where each inline module that we are in ends.
    let mut ends: Vec<usize> = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        while ends.last() == Some(&index) {
            ends.pop();
            module.pop();
        }
        if let Some(name) = inline_module(tokens, index) {
            module.push(name.to_owned());
            ends.push(source.past_group(index + 2));
            index += 3;
            continue;
        }
        index = match start_of_path(tokens, index) {
            Some(base) if !tokens[index].test_only => {
                scan.path(index, base.apply(&module), Start::Outside)
            }
            _ => index + 1,
        };
    }
    scan.found
}

/// The name in `mod name {` at `index`.
fn inline_module(tokens: &[Token], index: usize) -> Option<&str> {
    let [keyword, name, open, ..] = &tokens[index..] else {
        return None;
    };
    (keyword.is("mod") && open.kind == Kind::Open('{')).then_some(())?;
    name.ident()
}

/// What a path at some token is relative to.
enum Base {
    Crate,
    Here,
}

impl Base {
    fn apply(&self, module: &[String]) -> Vec<String> {
        match self {
            Base::Crate => Vec::new(),
            Base::Here => module.to_vec(),
        }
    }
}

/// Whether a path that may leave the module starts at `index`.
fn start_of_path(tokens: &[Token], index: usize) -> Option<Base> {
    let token = &tokens[index];
    let base = match token.ident()? {
        "crate" => Base::Crate,
        "super" => Base::Here,
        _ => return None,
    };
    let is_path = tokens.get(index + 1).is_some_and(|next| next.is_punct(':'));
    // `pub(in crate::a)` names who may see an item and imports nothing.
    let is_visibility =
        index >= 2 && tokens[index - 1].is("in") && tokens[index - 2].kind == Kind::Open('(');
    (is_path && !is_visibility).then_some(base)
}

/// Whether a path is read on its own or as an element of a group: an element's
/// rest belongs to it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    Outside,
    Element,
}

struct Scan<'a> {
    tokens: &'a [Token],
    found: Vec<Import>,
}

impl Scan<'_> {
    /// Follows the path at `index` from the module `base` and gives the index
    /// where reading goes on.
    fn path(&mut self, mut index: usize, mut base: Vec<String>, start: Start) -> usize {
        while let Some(token) = self.tokens.get(index) {
            match &token.kind {
                Kind::Punct(':') => index += 1,
                Kind::Punct('*') => {
                    if base.is_empty() {
                        self.found.push(Import {
                            to: "*".to_owned(),
                            line: token.line,
                        });
                    }
                    return index + 1;
                }
                Kind::Open('{') => return self.group(index, &base),
                Kind::Ident(word) => {
                    match word.as_str() {
                        "crate" | "self" => {}
                        "super" => {
                            base.pop();
                        }
                        name => {
                            if base.is_empty() {
                                self.found.push(Import {
                                    to: name.to_owned(),
                                    line: token.line,
                                });
                            }
                            return match start {
                                Start::Outside => index + 1,
                                Start::Element => self.past_element(index),
                            };
                        }
                    }
                    index += 1;
                }
                _ => return index,
            }
        }
        index
    }

    /// Follows each element of the group that opens at `open`.
    fn group(&mut self, open: usize, base: &[String]) -> usize {
        let mut index = open + 1;
        while let Some(token) = self.tokens.get(index) {
            index = match token.kind {
                Kind::Close(_) => return index + 1,
                Kind::Punct(',') => index + 1,
                // Every branch of `path` moves past what is neither `,` nor the end.
                _ => self
                    .path(index, base.to_vec(), Start::Element)
                    .max(index + 1),
            };
        }
        index
    }

    /// The index of the `,` or of the group's end after the element at `index`.
    fn past_element(&self, mut index: usize) -> usize {
        while let Some(token) = self.tokens.get(index) {
            match token.kind {
                Kind::Punct(',') | Kind::Close(_) => return index,
                Kind::Open(_) => index = crate::source::past_group(self.tokens, index),
                _ => index += 1,
            }
        }
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &str, text: &str) -> Vec<String> {
        imports(&Source::new(path, text))
            .into_iter()
            .map(|import| import.to)
            .collect()
    }

    #[test]
    fn files_know_their_modules() {
        assert_eq!(module_path("core/src/sync/mutex.rs"), ["sync", "mutex"]);
        assert_eq!(module_path("core/src/sync/mod.rs"), ["sync"]);
        assert_eq!(module_path("core/src/scope.rs"), ["scope"]);
        assert_eq!(module_path("core/src/lib.rs"), [""; 0]);
    }

    #[test]
    fn every_form_of_path_is_found() {
        let text = "
            use crate::{a::b, c, d::{e, f::{g, h as i}}, j as k};
            use crate::l::{self, m};
            pub(in crate::n) fn f(x: &crate::o::P) -> crate::q::R { crate::s::t(crate::u!()) }
            macro_rules! m { () => { $crate::v::w() } }
            pub(crate) struct S;
        ";
        assert_eq!(
            names("core/src/z.rs", text),
            ["a", "c", "d", "j", "l", "o", "q", "s", "u", "v"]
        );
    }

    #[test]
    fn paths_over_super_are_followed() {
        let text = "
            use super::super::a::b;
            use super::own;
            use self::super::super::c;
            use super::{own, super::{d::e, f}};
            fn g() { super::super::h::i(); super::own(); }
            mod inline { use super::super::super::j; use super::super::own; fn f() { super::own() } }
            use super::super::k;
        ";
        assert_eq!(
            names("core/src/sync/mutex.rs", text),
            ["a", "c", "d", "f", "h", "j", "k"]
        );
    }

    #[test]
    fn a_glob_over_the_root_is_named() {
        assert_eq!(
            names(
                "core/src/a.rs",
                "use crate::*; use super::*; use crate::b::*;"
            ),
            ["*", "*", "b"]
        );
        assert_eq!(names("core/src/a/b.rs", "use super::*;"), [""; 0]);
    }

    #[test]
    fn tests_comments_and_strings_import_nothing() {
        let text = "
            //! See crate::a.
            /// [`crate::b`]
            fn f() { \"crate::c\"; }
            #[cfg(test)]
            mod tests { use crate::d; }
            use crate::e;
        ";
        assert_eq!(names("core/src/z.rs", text), ["e"]);
    }

    #[test]
    fn lines_are_those_of_the_name() {
        let found = imports(&Source::new(
            "core/src/z.rs",
            "use crate::{\n    a,\n    b::c,\n};\n",
        ));
        let lines: Vec<usize> = found.iter().map(|import| import.line).collect();
        assert_eq!(lines, [2, 3]);
    }
}
