//! `cargo xtask ci <lane>`: what CI runs, one lane at a time, each closing with one line of figures.
//! It installs nothing; `hack/test` does, before it calls the lanes.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use clap::ValueEnum;

use crate::run_log;

/// A part of what CI runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lane {
    /// Format, lints, tidy, generated files, licences: no test runs.
    Check,
    /// Unit, golden, property and process tests.
    Test,
    /// The simulator: seeds that once failed, a hundred twice, and new ones for some minutes.
    Sim,
    /// The long runs: what the quick lanes do in minutes, for most of an hour.
    Full,
    /// Three real brokers under faults of processes, network and disks. It needs root.
    Chaos,
    /// Other people's clients against one broker.
    Compat,
    /// The charts, and the end-to-end tests on a real Kubernetes.
    Kube,
}

/// Runs a lane.
///
/// # Errors
/// At the first step that fails, with its command line.
pub(crate) fn run(root: &Path, lane: Lane, record: bool) -> Result<(), String> {
    let started = Instant::now();
    let mut closing = Vec::new();
    for step in steps(lane) {
        execute(root, step, &mut closing)?;
    }
    if record {
        run_log::record(root, &closing)?;
    }
    println!("lane={lane:?} seconds={}", started.elapsed().as_secs());
    Ok(())
}

/// The broker and what strikes it: optimised, with every assertion on.
const BUILD_CHAOS: &[&str] = &[
    "cargo",
    "build",
    "--locked",
    "--quiet",
    "--profile",
    "sim",
    "--package",
    "kring-broker",
    "--package",
    "kring-chaos",
];

fn steps(lane: Lane) -> &'static [&'static [&'static str]] {
    match lane {
        Lane::Check => &[
            &["cargo", "fmt", "--all", "--check"],
            &["cargo", "xtask", "tidy"],
            &[
                "cargo",
                "deny",
                "--log-level",
                "error",
                "check",
                "licenses",
                "bans",
                "sources",
            ],
            &[
                "cargo",
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--",
                "--deny",
                "warnings",
            ],
        ],
        Lane::Test => &[&[
            "cargo",
            "nextest",
            "run",
            "--workspace",
            "--locked",
            "--profile",
            "ci",
        ]],
        Lane::Sim => &[&[
            "cargo",
            "run",
            "--locked",
            "--quiet",
            "--profile",
            "sim",
            "--package",
            "kring-sim",
            "--",
            "--regressions",
            "--twice=100",
            "--minutes=8",
        ]],
        Lane::Full => &[&[
            "cargo",
            "run",
            "--locked",
            "--quiet",
            "--profile",
            "sim",
            "--package",
            "kring-sim",
            "--",
            "--regressions",
            "--twice=100",
            "--minutes=40",
        ]],
        Lane::Chaos => &[
            BUILD_CHAOS,
            &[
                "target/sim/kring-chaos",
                "mixed",
                "--minutes=3",
                "--faults-min=50",
                "--acked-min=1000000",
            ],
            &["target/sim/kring-chaos", "storm", "--cycles=20"],
            &["target/sim/kring-chaos", "power", "--cuts=10"],
        ],
        Lane::Compat => &[&["e2e/compat/run"]],
        Lane::Kube => &[
            &["hack/cluster/install"],
            &["hack/cluster/exec", "charts/tests/run"],
            &["e2e/run"],
        ],
    }
}

/// Runs a step, shows what it prints, and keeps the closing lines of its suites.
fn execute(root: &Path, step: &[&str], closing: &mut Vec<String>) -> Result<(), String> {
    let line = step.join(" ");
    println!("── {line}");
    let (program, arguments) = step.split_first().expect("a step names a program");
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(root)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("cannot run `{line}`: {e}"))?;
    let stdout = child.stdout.take().expect("it was asked for above");
    for printed in BufReader::new(stdout).lines() {
        let printed = printed.map_err(|e| format!("`{line}`: cannot read what it prints: {e}"))?;
        println!("{printed}");
        if printed.starts_with(run_log::PREFIX) {
            closing.push(printed);
        }
    }
    let status = child.wait().map_err(|e| format!("`{line}`: {e}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{line}` failed: {status}"))
    }
}
