//! Marks for file and function size, kept as a ratchet in `hack/xtask/marks.toml`.
//! A file or function above a mark is allowed with a reason, and may then only shrink.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use syn::spanned::Spanned;
use syn::visit::Visit;

use super::source::Source;

/// Production lines of a file above which it needs a reason.
const FILE_LINES: usize = 400;
/// Lines of a function above which it needs a reason.
const FUNCTION_LINES: usize = 70;

#[derive(Default, Deserialize)]
struct Known {
    #[serde(default)]
    file: Vec<Mark>,
    #[serde(default)]
    function: Vec<Mark>,
}

#[derive(Deserialize)]
struct Mark {
    /// `path` of a file, or `path::function`.
    at: String,
    /// Lines it may have.
    lines: usize,
    /// Why it is longer than the mark.
    reason: String,
}

/// A finding per file and function above its mark that has no reason or has grown.
pub(crate) fn check(root: &Path, files: &[Source]) -> Result<Vec<String>, String> {
    let path = root.join("hack/xtask/marks.toml");
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let known: Known = toml::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut findings = Vec::new();
    let mut file_sizes = BTreeMap::new();
    let mut function_sizes = BTreeMap::new();
    for file in files.iter().filter(|file| !file.is_test()) {
        let mut counter = Counter {
            path: &file.path,
            test_lines: 0,
            functions: &mut function_sizes,
        };
        counter.visit_file(&file.syntax);
        let test_lines = counter.test_lines;
        file_sizes.insert(file.path.clone(), file.text.lines().count() - test_lines);
    }
    compare("file", FILE_LINES, &known.file, &file_sizes, &mut findings);
    compare(
        "function",
        FUNCTION_LINES,
        &known.function,
        &function_sizes,
        &mut findings,
    );
    Ok(findings)
}

fn compare(
    what: &str,
    mark: usize,
    known: &[Mark],
    sizes: &BTreeMap<String, usize>,
    findings: &mut Vec<String>,
) {
    let known: BTreeMap<&str, &Mark> = known.iter().map(|m| (m.at.as_str(), m)).collect();
    for (at, lines) in sizes {
        match known.get(at.as_str()) {
            Some(allowed) if *lines > allowed.lines => findings.push(format!(
                "{at}: {lines} lines, {} allowed ({}); split it or raise the mark with a reason in marks.toml",
                allowed.lines, allowed.reason
            )),
            Some(_) => {}
            None if *lines > mark => findings.push(format!(
                "{at}: {lines} lines crosses the {what} mark of {mark}; split it or give a reason in marks.toml"
            )),
            None => {}
        }
    }
    for (at, allowed) in known {
        if sizes.get(at).is_none_or(|lines| *lines <= mark) {
            findings.push(format!(
                "marks.toml: {at} no longer needs its mark of {}",
                allowed.lines
            ));
        }
    }
}

struct Counter<'a> {
    path: &'a str,
    test_lines: usize,
    functions: &'a mut BTreeMap<String, usize>,
}

impl Counter<'_> {
    fn record(&mut self, name: &syn::Ident, block: &syn::Block) {
        let lines = lines_of(block.span());
        let size = self
            .functions
            .entry(format!("{}::{name}", self.path))
            .or_default();
        *size = lines.max(*size);
    }
}

fn lines_of(span: proc_macro2::Span) -> usize {
    span.end().line + 1 - span.start().line
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Ident>()
                .is_ok_and(|argument| argument == "test")
    })
}

impl<'ast> Visit<'ast> for Counter<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if is_test(&item.attrs) {
            self.test_lines += lines_of(item.span());
        } else {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.record(&item.sig.ident, &item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.record(&item.sig.ident, &item.block);
        syn::visit::visit_impl_item_fn(self, item);
    }
}
