//! Checks that each file says what it holds and what it leaves out, and that unsafe code has one home.
//! It cannot tell whether the sentences are true.

use super::source::Source;

/// The one crate whose job is to talk to the kernel, and the entry that libFuzzer's macro writes.
const UNSAFE_ALLOWED: [&str; 2] = ["broker/io-linux/", "broker/fuzz/src/main.rs"];

/// A finding per file without a `//!` header, per crate root that does not forbid unsafe code.
pub(crate) fn check(files: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        if header_lines(&file.text) == 0 {
            findings.push(format!(
                "{}: no `//!` header; open the file with what it holds and what it deliberately does not do",
                file.path
            ));
        }
        let is_root = file.path.ends_with("src/lib.rs") || file.path.ends_with("src/main.rs");
        let may_be_unsafe = UNSAFE_ALLOWED.iter().any(|at| file.path.starts_with(at));
        if is_root && !may_be_unsafe && !file.text.contains("#![forbid(unsafe_code)]") {
            findings.push(format!("{}: add `#![forbid(unsafe_code)]`", file.path));
        }
    }
    findings
}

fn header_lines(text: &str) -> usize {
    text.lines()
        .take_while(|line| line.starts_with("//!"))
        .count()
}
