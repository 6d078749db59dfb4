//! Finds and parses the Rust files of the repository.
//! It judges nothing.

use std::fs;
use std::path::{Path, PathBuf};

/// One Rust file.
pub(crate) struct Source {
    /// Path below the repository, with `/` between.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
    /// Its syntax.
    pub(crate) syntax: syn::File,
}

impl Source {
    /// Whether the file holds tests only.
    pub(crate) fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        matches!(
            name,
            "tests.rs" | "props.rs" | "scenarios.rs" | "testing.rs"
        ) || self
            .path
            .split('/')
            .any(|part| part == "tests" || part == "benches")
    }
}

/// Every `.rs` file below `root`, in the order of the paths, build output and foreign trees left out.
pub(crate) fn rust_files(root: &Path) -> Result<Vec<Source>, String> {
    let mut paths = Vec::new();
    walk(root, &mut paths)?;
    paths.sort();
    paths.into_iter().map(|path| parse(root, &path)).collect()
}

fn walk(dir: &Path, paths: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries = fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    for entry in entries {
        let path = entry.map_err(|e| e.to_string())?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            let foreign =
                name.starts_with('.') || name.starts_with("target") || name == "node_modules";
            if !foreign {
                walk(&path, paths)?;
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            paths.push(path);
        }
    }
    Ok(())
}

fn parse(root: &Path, path: &Path) -> Result<Source, String> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let syntax = syn::parse_file(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    let path = path
        .strip_prefix(root)
        .expect("walked below the root")
        .to_string_lossy()
        .into_owned();
    Ok(Source { path, text, syntax })
}
