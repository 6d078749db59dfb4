//! Runs the scripts in `scenarios/`: each line that begins with `>` is a command, the lines below
//! it are what the clients of the group then saw. `UPDATE=1` writes what was seen into the scripts.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;
mod script;

use std::fs;
use std::path::Path;

#[test]
fn every_scenario_goes_as_its_script_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    let mut differing = Vec::new();
    for path in paths {
        let expected = fs::read_to_string(&path).unwrap();
        let seen = script::run(&expected);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &seen).unwrap();
        } else if seen != expected {
            differing.push(format!("{}:\n{}", path.display(), diff(&expected, &seen)));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

/// The first line that differs, with what comes around it.
fn diff(expected: &str, seen: &str) -> String {
    let mut pairs = expected.lines().zip(seen.lines()).enumerate();
    let at = pairs.find(|(_, (e, s))| e != s).map_or(0, |(i, _)| i);
    let window = |text: &str| {
        let lines: Vec<&str> = text.lines().skip(at.saturating_sub(3)).take(8).collect();
        lines.join("\n")
    };
    format!(
        "line {}: expected\n{}\nbut saw\n{}",
        at + 1,
        window(expected),
        window(seen)
    )
}
