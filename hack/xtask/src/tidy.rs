//! `cargo xtask tidy`: the layer table, the file headers, the ids of invariants and the marks.
//! It judges structure only; style within a function is clippy's and the reader's.

mod header;
mod ids;
mod layers;
mod marks;
mod source;

use std::path::Path;

/// Runs every check and prints each finding on a line of its own.
///
/// # Errors
/// When anything was found, or the source could not be read.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let files = source::rust_files(root)?;
    let mut findings = layers::check(root)?;
    findings.extend(header::check(&files));
    findings.extend(ids::check(root, &files)?);
    findings.extend(marks::check(root, &files)?);
    for finding in &findings {
        println!("{finding}");
    }
    println!("tidy: files={} findings={}", files.len(), findings.len());
    if findings.is_empty() {
        Ok(())
    } else {
        Err(format!("{} findings above", findings.len()))
    }
}
