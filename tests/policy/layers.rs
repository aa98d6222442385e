//! The order of the core's modules: reads `layers.txt` and compares every import
//! with it. An order has no cycles, so a tree of modules that keeps to it has none.

use crate::imports::{self, Import, module_path};
use crate::lists;
use crate::source::{Finding, Kind, Source};

/// How the modules of one line relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Ordered,
    Apart,
}

/// Where a module stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    layer: usize,
    position: usize,
    relation: Relation,
}

/// The contents of `layers.txt`.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    places: Vec<(String, Place)>,
    outside: Vec<String>,
}

impl Layers {
    pub(crate) fn parse(text: &str) -> Result<Layers, String> {
        let mut layers = Layers::default();
        for (layer, line) in lists::lines(text).into_iter().enumerate() {
            let mut words = line.split_whitespace();
            let relation = match words.next() {
                Some("ordered") => Relation::Ordered,
                Some("apart") => Relation::Apart,
                Some("outside") => {
                    layers.outside.extend(words.map(str::to_owned));
                    continue;
                }
                other => return Err(format!("unknown relation {other:?} in `{line}`")),
            };
            for (position, name) in words.enumerate() {
                if layers.place(name).is_some() {
                    return Err(format!("`{name}` stands in two places"));
                }
                layers.places.push((
                    name.to_owned(),
                    Place {
                        layer,
                        position,
                        relation,
                    },
                ));
            }
        }
        if layers.places.is_empty() {
            return Err("no layers".to_owned());
        }
        Ok(layers)
    }

    fn place(&self, module: &str) -> Option<Place> {
        self.places
            .iter()
            .find(|(name, _)| name == module)
            .map(|(_, place)| *place)
    }

    fn is_outside(&self, module: &str) -> bool {
        self.outside.iter().any(|name| name == module)
    }

    /// Why `from` may not import `to`, if it may not.
    fn objection(&self, from: &str, to: &str) -> Option<String> {
        if self.is_outside(from) || from == to {
            return None;
        }
        if to == "*" {
            return Some("a glob over the crate's root hides which modules it imports".to_owned());
        }
        if self.is_outside(to) {
            return Some(format!(
                "`{from}` imports `{to}`, which is there for users only"
            ));
        }
        let Some(source) = self.place(from) else {
            return Some(format!("module `{from}` has no place in layers.txt"));
        };
        let Some(target) = self.place(to) else {
            return Some(format!(
                "`crate::{to}` is no module with a place in layers.txt"
            ));
        };
        if target.layer > source.layer {
            return Some(format!(
                "`{from}` imports `{to}` from a layer above its own"
            ));
        }
        if target.layer < source.layer {
            return None;
        }
        match source.relation {
            Relation::Apart => Some(format!("`{from}` imports its sibling `{to}`")),
            Relation::Ordered if target.position > source.position => {
                Some(format!("`{from}` imports `{to}`, which is named after it"))
            }
            Relation::Ordered => None,
        }
    }
}

/// Compares `sources` with `layers`.
pub(crate) fn check(layers: &Layers, sources: &[Source]) -> Vec<Finding> {
    let test_files = test_files(sources);
    let mut findings = Vec::new();
    for source in sources {
        let path = module_path(&source.path);
        match path.first() {
            None => findings.extend(check_root(layers, source)),
            Some(_) if test_files.contains(&source.path) => {}
            Some(module) => {
                if layers.place(module).is_none() && !layers.is_outside(module) {
                    findings.push(
                        source.finding(1, format!("module `{module}` has no place in layers.txt")),
                    );
                    continue;
                }
                findings.extend(imports::imports(source).into_iter().filter_map(|import| {
                    let Import { to, line } = import;
                    layers
                        .objection(module, &to)
                        .map(|message| source.finding(line, message))
                }));
            }
        }
    }
    findings
}

/// The files of modules that their parents declare under `#[cfg(test)]`.
fn test_files(sources: &[Source]) -> Vec<String> {
    let mut files = Vec::new();
    for source in sources {
        let folder = match source
            .path
            .strip_suffix("/mod.rs")
            .or(source.path.strip_suffix("/lib.rs"))
        {
            Some(folder) => folder,
            None => source.path.trim_end_matches(".rs"),
        };
        let stream = source.text.parse().expect("it was parsed before");
        for name in crate::cfg::test_modules(stream) {
            files.push(format!("{folder}/{name}.rs"));
            files.push(format!("{folder}/{name}/mod.rs"));
        }
    }
    files
}

/// `lib.rs` declares the modules in the order of the layers.
fn check_root(layers: &Layers, source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut last: Option<(usize, usize, &str)> = None;
    for (name, line) in declared(source) {
        let Some(place) = layers.place(name) else {
            if !layers.is_outside(name) {
                findings.push(
                    source.finding(line, format!("module `{name}` has no place in layers.txt")),
                );
            }
            continue;
        };
        // rustfmt sorts neighbouring `mod` lines, which is as good as any order among equals.
        let position = match place.relation {
            Relation::Ordered => place.position,
            Relation::Apart => 0,
        };
        let here = (place.layer, position, name);
        if let Some(before) = last.filter(|before| (before.0, before.1) > (here.0, here.1)) {
            let message = format!(
                "`mod {name}` stands after `mod {}`: declare the modules in the order of layers.txt",
                before.2
            );
            findings.push(source.finding(line, message));
        }
        last = Some(here);
    }
    findings
}

/// The modules that `lib.rs` declares at its top level and not for tests.
fn declared(source: &Source) -> Vec<(&str, usize)> {
    let mut names = Vec::new();
    let mut index = 0;
    while let Some(token) = source.tokens.get(index) {
        if let Kind::Open(_) = token.kind {
            index = source.past_group(index);
            continue;
        }
        if token.is("mod") && !token.test_only {
            let name = source.tokens.get(index + 1).and_then(|next| next.ident());
            names.extend(name.map(|name| (name, token.line)));
        }
        index += 1;
    }
    names
}

/// `routine` and `prelude` hold `use` items and modules of such, nothing else.
pub(crate) fn check_facades(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources
        .iter()
        .filter(|source| module_path(&source.path).is_empty())
    {
        for facade in ["routine", "prelude"] {
            let start = source.tokens.windows(3).position(|three| {
                three[0].is("mod") && three[1].is(facade) && three[2].kind == Kind::Open('{')
            });
            match start {
                Some(start) => findings.extend(check_re_exports(source, start + 2)),
                None => findings
                    .push(source.finding(1, format!("no `mod {facade} {{ .. }}` that re-exports"))),
            }
        }
    }
    findings
}

/// Checks the items of the module whose block opens at `open`.
fn check_re_exports(source: &Source, open: usize) -> Vec<Finding> {
    let end = source.past_group(open) - 1;
    let mut index = open + 1;
    while index < end {
        let token = &source.tokens[index];
        index = if token.is_punct('#') {
            let bracket = index + 1 + usize::from(source.tokens[index + 1].is_punct('!'));
            source.past_group(bracket)
        } else if token.is("pub") || token.kind == Kind::Punct(';') {
            index + 1
        } else if token.kind == Kind::Open('(') {
            source.past_group(index)
        } else if token.is("use") {
            let length = source.tokens[index..]
                .iter()
                .position(|token| token.is_punct(';'));
            index + length.expect("the compiler wants a `;` after `use`")
        } else if token.is("mod") && source.tokens[index + 2].kind == Kind::Open('{') {
            let inner = check_re_exports(source, index + 2);
            if !inner.is_empty() {
                return inner;
            }
            source.past_group(index + 2)
        } else {
            return vec![
                source.finding(token.line, "a facade holds code: it should only re-export"),
            ];
        };
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYERS: &str = "
        ordered low lower_later
        apart   left right
        ordered top after
        outside facade
    ";

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> = files
            .iter()
            .map(|(path, text)| Source::new(&format!("core/src/{path}"), text))
            .collect();
        let layers = Layers::parse(LAYERS).unwrap();
        check(&layers, &sources)
            .iter()
            .map(Finding::to_string)
            .collect()
    }

    #[track_caller]
    fn refused(path: &str, text: &str, expected: &str) {
        let found = findings(&[(path, text)]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(expected), "{found:?}");
    }

    #[test]
    fn downward_imports_are_fine() {
        let found = findings(&[
            ("low.rs", "use std::sync::Arc; use crate::low::x;"),
            ("lower_later.rs", "use crate::low;"),
            (
                "left/mod.rs",
                "mod inner; use crate::{low, lower_later::x};",
            ),
            (
                "left/inner.rs",
                "use super::x; use super::super::low; use crate::left::y;",
            ),
            (
                "top.rs",
                "use crate::left; use crate::right; use crate::low;",
            ),
            ("after.rs", "use crate::top;"),
            ("facade.rs", "use crate::top;"),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn an_upward_import_is_found_with_its_line() {
        let found = findings(&[("low.rs", "use std::fmt;\n\nuse crate::top::x;\n")]);
        assert_eq!(
            found,
            ["core/src/low.rs:3: `low` imports `top` from a layer above its own"]
        );
        refused(
            "left/deep/er.rs",
            "fn f() { super::super::super::top::x() }",
            "a layer above",
        );
        refused("low.rs", "fn f(x: crate::left::X) {}", "a layer above");
    }

    #[test]
    fn a_sibling_import_is_found() {
        refused(
            "left.rs",
            "use crate::{low, right::x};",
            "imports its sibling `right`",
        );
        refused(
            "right/a.rs",
            "fn f() { crate::left::x() }",
            "imports its sibling `left`",
        );
    }

    #[test]
    fn a_later_module_of_an_ordered_layer_is_found() {
        refused("low.rs", "use crate::lower_later;", "named after it");
        refused("top.rs", "use crate::after;", "named after it");
    }

    #[test]
    fn a_cycle_cannot_hide() {
        let found = findings(&[
            ("low.rs", "use crate::lower_later;"),
            ("lower_later.rs", "use crate::low;"),
        ]);
        assert_eq!(found.len(), 1, "{found:?}");
        let found = findings(&[
            ("left.rs", "use crate::right;"),
            ("right.rs", "use crate::left;"),
        ]);
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn unknown_names_facades_and_globs_are_found() {
        refused("new.rs", "fn f() {}", "`new` has no place");
        refused(
            "low.rs",
            "use crate::unknown;",
            "`crate::unknown` is no module",
        );
        refused("top.rs", "use crate::facade::x;", "there for users only");
        refused("top.rs", "use crate::*;", "a glob");
        refused(
            "lib.rs",
            "mod low; mod stranger;",
            "`stranger` has no place",
        );
    }

    #[test]
    fn the_root_declares_in_order() {
        assert!(
            findings(&[("lib.rs", "mod low; pub mod left; mod top; mod facade {}")]).is_empty()
        );
        assert!(findings(&[("lib.rs", "mod right; mod left;")]).is_empty());
        refused(
            "lib.rs",
            "mod lower_later; mod low;",
            "`mod low` stands after",
        );
        refused(
            "lib.rs",
            "mod low; mod top; pub mod left;",
            "`mod left` stands after `mod top`",
        );
    }

    #[test]
    fn tests_may_import_anything() {
        let found = findings(&[
            (
                "low/mod.rs",
                "#[cfg(test)] mod tests; #[cfg(test)] mod inline { use crate::top; }",
            ),
            ("low/tests.rs", "use crate::top;"),
        ]);
        assert!(found.is_empty(), "{found:?}");
        refused("low/tests.rs", "use crate::top;", "a layer above");
    }

    #[test]
    fn a_broken_list_is_an_error() {
        assert!(
            Layers::parse("ordered a\nordered a")
                .unwrap_err()
                .contains("two places")
        );
        assert!(
            Layers::parse("beside a")
                .unwrap_err()
                .contains("unknown relation")
        );
        assert!(Layers::parse("# nothing").is_err());
    }

    #[test]
    fn facades_with_code_are_found() {
        let facades = |text: &str| check_facades(&[Source::new("core/src/lib.rs", text)]);
        let fine = "
            /// Docs.
            pub mod routine { #![doc = \"\"] pub use crate::a::{b, c}; pub mod time { pub use crate::d; } }
            pub mod prelude { #[doc(no_inline)] pub(crate) use crate::a; }
        ";
        assert!(facades(fine).is_empty());
        assert_eq!(
            facades("pub mod routine { pub use a::b; }").len(),
            1,
            "prelude is missing"
        );
        let code =
            facades("pub mod prelude {} pub mod routine {\n pub mod t {\n pub fn f() {} } }");
        assert_eq!(code.len(), 1);
        assert_eq!(code[0].line, 3);
    }
}
