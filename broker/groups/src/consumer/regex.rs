//! Regular expressions of topics, in the syntax of RE2 and matched against the whole name.
//! When they are resolved is decided in `heartbeat`; what may be read is not its matter.

use std::collections::BTreeSet;

use regex::{Regex, RegexBuilder};

/// Bytes of an expression.
pub(crate) const REGEX_BYTES_MAX: usize = 4096;

/// Bytes of the compiled program, which bounds what a repeated repetition can ask for.
const PROGRAM_BYTES_MAX: usize = 1 << 20;

/// Whether the expression can be used, and what it is.
pub(super) fn compile(expression: &str) -> Option<Regex> {
    if expression.len() > REGEX_BYTES_MAX {
        return None;
    }
    let expression = unquoted(expression);
    // On its own first: `a)|(b` is no expression, though it is one between parentheses.
    build(&expression)?;
    build(&format!("^(?:{expression})$"))
}

/// The names that an expression matches as a whole.
pub(super) fn matching<'a>(
    regex: &Regex,
    names: impl Iterator<Item = &'a str>,
) -> BTreeSet<String> {
    let matching = names.filter(|name| regex.is_match(name));
    matching.map(str::to_owned).collect()
}

fn build(expression: &str) -> Option<Regex> {
    let mut builder = RegexBuilder::new(expression);
    builder.size_limit(PROGRAM_BYTES_MAX);
    builder.build().ok()
}

/// RE2 takes what is between `\Q` and `\E` literally, which the `regex` crate does not know.
fn unquoted(expression: &str) -> String {
    let mut text = String::new();
    let mut rest = expression;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        text.push_str(before);
        if let Some(quoted) = escape.strip_prefix("\\Q") {
            let (literal, after) = quoted.split_once("\\E").unwrap_or((quoted, ""));
            text.push_str(&regex::escape(literal));
            rest = after;
        } else {
            let len = 1 + escape[1..].chars().next().map_or(0, char::len_utf8);
            text.push_str(&escape[..len]);
            rest = &escape[len..];
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(expression: &str) -> Option<Vec<String>> {
        let names = ["a", "ab", "b", "a.b", "orders-1", "orders-22"];
        let regex = compile(expression)?;
        Some(matching(&regex, names.into_iter()).into_iter().collect())
    }

    #[test]
    fn the_whole_name_must_match() {
        assert_eq!(matched("a").unwrap(), ["a"]);
        assert_eq!(matched("a|b").unwrap(), ["a", "b"]);
        assert_eq!(matched("^orders-.*$").unwrap(), ["orders-1", "orders-22"]);
        assert_eq!(matched(r"orders-\d").unwrap(), ["orders-1"]);
        assert_eq!(matched(r"\Qa.b\E").unwrap(), ["a.b"]);
        assert_eq!(matched("(?i)A").unwrap(), ["a"]);
        assert!(matched("").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_expression_of_re2_or_too_large_is_refused() {
        for expression in [
            "(",
            "a)|(b",
            "[",
            "*",
            r"(a)\1",
            "(?=a)",
            "((a{1000}){1000}){1000}",
        ] {
            assert!(compile(expression).is_none(), "{expression}");
        }
        assert!(compile(&"a".repeat(REGEX_BYTES_MAX + 1)).is_none());
    }
}
