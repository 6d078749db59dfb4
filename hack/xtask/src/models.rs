//! `cargo xtask models`: the deep searches of the protocol models, one after the other, closing with one line of figures.
//! What is searched, and how deep, is said beside the models.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// Each holds one model, with a test `deep`.
const PACKAGES: [&str; 3] = ["kring-controller", "kring-replication", "kring-rollout"];

/// What the searches found together.
#[derive(Debug, Default)]
struct Figures {
    models: BTreeSet<String>,
    searches: u64,
    states: u64,
    depth: u64,
}

impl Figures {
    /// Takes a line `model=… search=… states=… depth=…`; others say nothing.
    fn take(&mut self, line: &str) {
        let value = |key: &str| {
            let mut words = line.split_whitespace();
            words.find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
        };
        let (Some(model), Some(_)) = (value("model"), value("search")) else {
            return;
        };
        let number = |key| value(key).and_then(|text| text.parse().ok()).unwrap_or(0);
        self.models.insert(model.to_owned());
        self.searches += 1;
        self.states += number("states");
        self.depth = self.depth.max(number("depth"));
    }
}

/// Searches all models.
///
/// # Errors
/// When one does not hold, or did not search anything.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let mut figures = Figures::default();
    for package in PACKAGES {
        search(root, package, &mut figures)?;
    }
    let models = figures.models.len();
    if models != PACKAGES.len() {
        return Err(format!(
            "only {models} models printed their figures: {:?}",
            figures.models
        ));
    }
    println!(
        "suite=models models={models} searches={} states={} depth={} violations=0",
        figures.searches, figures.states, figures.depth
    );
    Ok(())
}

fn search(root: &Path, package: &str, figures: &mut Figures) -> Result<(), String> {
    // Optimised with every assertion on; only this package, so that what it uses is built once.
    let optimised = format!("profile.dev.package.{package}.opt-level=3");
    let mut child = Command::new("cargo")
        .args(["test", "--locked", "--quiet", "--config", &optimised])
        .args(["--package", package, "--lib", "--"])
        .args(["--ignored", "--nocapture", "run::deep"])
        // One build for one run: there is nothing to build a second time from.
        .env("CARGO_INCREMENTAL", "0")
        .current_dir(root)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("cannot run cargo: {e}"))?;
    let stdout = child.stdout.take().expect("it was asked for above");
    for line in BufReader::new(stdout).lines() {
        let line = line.map_err(|e| format!("{package}: cannot read what it prints: {e}"))?;
        println!("{line}");
        figures.take(&line);
    }
    let status = child.wait().map_err(|e| format!("{package}: {e}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("the model in {package} does not hold: {status}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lines_of_searches_count() {
        let mut figures = Figures::default();
        figures.take("model=isr search=crash states=12 transitions=40 depth=7 seconds=0");
        figures.take("model=isr search=rot states=3 transitions=9 depth=5 seconds=0");
        figures.take("running 1 test");
        assert_eq!((figures.searches, figures.states), (2, 15));
        assert_eq!((figures.depth, figures.models.len()), (7, 1));
    }
}
