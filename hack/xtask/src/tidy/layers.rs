//! Compares the arrows between crates with the layer table `hack/xtask/layers.toml`.
//! It sees dependencies, not calls hidden in std; `clippy.toml` and the simulator's determinism check see those.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

#[derive(Deserialize)]
struct Table {
    /// Crate → crates of this workspace it may use in production code.
    arrows: BTreeMap<String, BTreeSet<String>>,
    /// Foreign crate → the crates that may use it.
    guarded: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `dev`, `build` or none.
    kind: Option<String>,
}

/// A finding per arrow that the table does not allow.
pub(crate) fn check(root: &Path) -> Result<Vec<String>, String> {
    let path = root.join("hack/xtask/layers.toml");
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let table: Table = toml::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    let packages = metadata(root)?.packages;
    let ours: BTreeSet<&str> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let mut findings = Vec::new();
    for package in &packages {
        let Some(allowed) = table.arrows.get(&package.name) else {
            findings.push(format!("layers.toml: {} is not in the table", package.name));
            continue;
        };
        let production = package
            .dependencies
            .iter()
            .filter(|d| d.kind.as_deref() != Some("dev"));
        for dependency in production {
            let name = &dependency.name;
            if ours.contains(name.as_str()) && !allowed.contains(name) {
                findings.push(format!(
                    "{} → {name}: this arrow is not in layers.toml",
                    package.name
                ));
            }
            if table
                .guarded
                .get(name)
                .is_some_and(|users| !users.contains(&package.name))
            {
                findings.push(format!(
                    "{} → {name}: only the crates named in layers.toml may use it",
                    package.name
                ));
            }
        }
    }
    Ok(findings)
}

fn metadata(root: &Path) -> Result<Metadata, String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--locked"])
        .current_dir(root)
        .output()
        .map_err(|e| format!("cargo metadata: {e}"))?;
    if !output.status.success() {
        return Err(format!(
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| format!("cargo metadata: {e}"))
}
