//! The run log of the README: the closing lines (`suite=… violations=0`) that a lane printed, in a table.
//! It judges nothing and invents nothing: a suite that printed no line keeps its row from before.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::BufRead;
use std::path::Path;

const BEGIN: &str = "<!-- run log: written by `cargo xtask ci <lane> --record` -->";
const END: &str = "<!-- end of the run log -->";
/// What every closing line begins with.
pub(crate) const PREFIX: &str = "suite=";

/// A closing line as its suite and its figures in the order they were printed.
fn parse(line: &str) -> Option<(&str, Vec<(&str, &str)>)> {
    let mut words = line.strip_prefix(PREFIX)?.split_whitespace();
    let suite = words.next()?;
    Some((suite, words.filter_map(|w| w.split_once('=')).collect()))
}

/// Puts the lines of a run into the README.
///
/// # Errors
/// When the README cannot be read or written, or has no place for the log.
pub(crate) fn record(root: &Path, lines: &[String]) -> Result<(), String> {
    let path = root.join("README.md");
    let readme = std::fs::read_to_string(&path).map_err(|e| format!("README.md: {e}"))?;
    let readme = insert(&readme, lines)
        .ok_or_else(|| format!("README.md has no `{BEGIN}` … `{END}` to put the run log in"))?;
    std::fs::write(&path, readme).map_err(|e| format!("README.md: {e}"))
}

/// As [`record`], of what a suite that was run by hand has printed.
///
/// # Errors
/// As [`record`], and for a run with violations: it has no row.
pub(crate) fn record_printed(root: &Path, printed: &mut impl BufRead) -> Result<(), String> {
    let lines = printed.lines().collect::<Result<Vec<String>, _>>();
    let lines = lines.map_err(|e| format!("standard input: {e}"))?;
    let closing: Vec<String> = lines
        .into_iter()
        .filter(|line| line.starts_with(PREFIX))
        .collect();
    match closing.iter().find(|line| !line.ends_with(" violations=0")) {
        Some(line) => Err(format!("not recorded, it has violations: {line}")),
        None if closing.is_empty() => Err("no line begins with `suite=`".to_owned()),
        None => record(root, &closing),
    }
}

fn insert(readme: &str, lines: &[String]) -> Option<String> {
    let (before, rest) = readme.split_once(BEGIN)?;
    let (old, after) = rest.split_once(END)?;
    let mut rows = rows_of(old);
    for line in lines {
        if let Some((suite, figures)) = parse(line) {
            rows.insert(suite.to_owned(), row(suite, &figures));
        }
    }
    let table: String = rows.into_values().collect();
    Some(format!(
        "{before}{BEGIN}\n| suite | figures of its last recorded run |\n|---|---|\n{table}{END}{after}"
    ))
}

/// The rows that are there, by suite.
fn rows_of(table: &str) -> BTreeMap<String, String> {
    let rows = table
        .lines()
        .skip_while(|line| !line.starts_with("|---"))
        .skip(1);
    rows.filter_map(|line| {
        let suite = line.strip_prefix("| ")?.split(" |").next()?;
        Some((suite.to_owned(), format!("{line}\n")))
    })
    .collect()
}

fn row(suite: &str, figures: &[(&str, &str)]) -> String {
    let mut row = format!("| {suite} |");
    for (index, (name, value)) in figures.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        // `faults=kill:3,pause:2` reads as a list of its own.
        let value = value.replace(',', ", ").replace(':', " ");
        let name = name.replace('_', " ");
        let _ = write!(row, "{comma} {name} {value}");
    }
    row.push_str(" |\n");
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_replaces_its_row_and_leaves_the_others() {
        let readme = format!(
            "before\n{BEGIN}\n| suite | figures of its last recorded run |\n|---|---|\n| a | seeds 1 |\n| b | seeds 2 |\n{END}\nafter"
        );
        let line = "suite=b seeds=3 faults=kill:4,pause:5 violations=0".to_owned();
        let readme = insert(&readme, &[line, "noise".to_owned()]).unwrap();
        assert!(
            readme.contains(
                "| a | seeds 1 |\n| b | seeds 3, faults kill 4, pause 5, violations 0 |\n"
            )
        );
        assert!(readme.starts_with("before\n") && readme.ends_with("\nafter"));
    }

    #[test]
    fn what_has_violations_or_no_closing_line_is_not_recorded() {
        let root = Path::new("nowhere");
        let record = |printed: &str| record_printed(root, &mut printed.as_bytes()).unwrap_err();
        let error = record("noise\nsuite=b seeds=3 violations=2\n");
        assert!(error.contains("suite=b seeds=3"), "{error}");
        assert!(record("noise\n").contains("no line"));
        assert!(record("suite=b seeds=3 violations=0\n").contains("README.md"));
    }

    #[test]
    fn a_readme_without_a_place_for_the_log_is_refused() {
        assert_eq!(insert("nothing", &[]), None);
    }
}
