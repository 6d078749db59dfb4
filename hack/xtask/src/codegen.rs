//! Generated files: the CRDs, the table of settings and the golden manifests of the operator, the rendered charts.
//! Each is written or compared by the test that knows it; this only runs those tests.

use std::path::Path;
use std::process::Command;

/// What is generated, and the command that knows it.
const GENERATORS: [(&str, &[&str]); 4] = [
    (
        "crds/*.yaml",
        &[
            "cargo",
            "test",
            "--quiet",
            "--package",
            "kring-crds",
            "--test",
            "fresh",
        ],
    ),
    (
        "operator/resources/src/config_keys.json",
        &[
            "cargo",
            "test",
            "--quiet",
            "--package",
            "kring-node",
            "config",
        ],
    ),
    (
        "operator/resources/golden",
        &["cargo", "test", "--quiet", "--package", "kring-resources"],
    ),
    ("charts", &["charts/tests/run"]),
];

/// Writes every generated file, or with `check` only compares.
///
/// # Errors
/// Which of them is stale or could not be made, and what to do.
pub(crate) fn codegen(root: &Path, check: bool) -> Result<(), String> {
    for (what, command) in GENERATORS {
        let mut process = Command::new(command[0]);
        process
            .args(&command[1..])
            .current_dir(root)
            .env_remove("UPDATE");
        if !check {
            process.env("UPDATE", "1");
        }
        let status = process
            .status()
            .map_err(|error| format!("{what}: {}: {error}", command[0]))?;
        if !status.success() {
            let advice = if check {
                "run `cargo xtask codegen`"
            } else {
                "see above"
            };
            return Err(format!("{what}: {status}; {advice}"));
        }
    }
    println!(
        "codegen: {} kinds of generated files are {}",
        GENERATORS.len(),
        if check { "fresh" } else { "written" }
    );
    Ok(())
}
