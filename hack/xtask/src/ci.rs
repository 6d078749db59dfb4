//! `cargo xtask ci <lane>`: what CI runs, one lane at a time, each closing with one line of figures.
//! It installs nothing; `hack/test` does, before it calls the lanes.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
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
    /// Bytes from outside, mutated, into everything that they reach.
    Fuzz,
    /// Three real brokers under faults of processes, network and disks, and one among strangers. It needs root.
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

/// The lanes, each a list of command lines whose words have no spaces in them. The simulator is
/// built once, with its canaries in it: in `kring-sim` all of them are off.
fn steps(lane: Lane) -> &'static [&'static str] {
    match lane {
        Lane::Check => &[
            "cargo fmt --all --check",
            "cargo xtask tidy",
            "cargo deny --log-level error check licenses bans sources",
            "cargo clippy --workspace --all-targets --locked -- --deny warnings",
        ],
        Lane::Test => &["cargo nextest run --workspace --locked --profile ci"],
        Lane::Sim => &[
            "cargo build --locked --quiet --profile sim --package kring-sim --features canary",
            "target/sim/kring-sim --regressions --twice=100 --seeds=60",
            // A hundred seeds do not show it; the lane `full` hunts it, too.
            "target/sim/kring-canaries --seeds-max=100 --except=JournalReusedEarly",
        ],
        Lane::Fuzz => &["hack/fuzz 15"],
        Lane::Chaos => &[
            "cargo build --locked --quiet --profile sim --package kring-broker --package kring-load --package kring-chaos",
            "target/sim/kring-chaos mixed --minutes=3 --faults-min=50 --acked-min=1000000",
            "target/sim/kring-chaos storm --cycles=20",
            "target/sim/kring-chaos power --cuts=10",
            "target/sim/kring-chaos power --cuts=1 --lying",
            "target/sim/kring-chaos trouble --rounds=6",
            "target/sim/kring-chaos rot --flips=50 --alone",
            "target/sim/kring-chaos full --rounds=1",
            "target/sim/kring-chaos hostile --frames=100000 --rounds=2 --connections=2000 --hold-seconds=15 --p99-times-max=4",
        ],
        Lane::Full => &[
            "cargo build --locked --quiet --profile sim --package kring-sim --features canary",
            "target/sim/kring-sim --regressions --twice=100 --minutes=40",
            "target/sim/kring-canaries --seeds-max=1000",
            "cargo xtask models",
            "cargo run --locked --quiet --profile sim --package kring-e2e-sim -- --regressions --twice=12 --crash-points=100",
            "hack/fuzz 240",
            "cargo build --locked --quiet --profile sim --package kring-broker --package kring-load --package kring-chaos",
            "target/sim/kring-chaos mixed --minutes=12 --faults-min=300 --acked-min=15000000",
            "target/sim/kring-chaos storm --cycles=200",
            "target/sim/kring-chaos power --cuts=150",
            "target/sim/kring-chaos trouble --rounds=30",
            "target/sim/kring-chaos rot --flips=1000 --flips-each=20 --alone",
            "target/sim/kring-chaos full --rounds=3",
            "target/sim/kring-chaos hostile --frames=2000000 --connections=15000 --hold-seconds=60",
        ],
        Lane::Compat => &["e2e/compat/run"],
        Lane::Kube => &[
            "hack/cluster/install",
            "hack/cluster/exec charts/tests/run",
            "e2e/run",
        ],
    }
}

/// Runs a step, shows what it prints, and keeps the closing lines of its suites.
fn execute(root: &Path, line: &str, closing: &mut Vec<String>) -> Result<(), String> {
    println!("── {line}");
    let mut words = line.split_whitespace();
    let program = words.next().expect("a step names a program");
    let mut child = Command::new(located(program))
        .args(words)
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

/// A program of the build lies where cargo puts it.
fn located(program: &str) -> PathBuf {
    match (
        program.strip_prefix("target/"),
        std::env::var_os("CARGO_TARGET_DIR"),
    ) {
        (Some(built), Some(directory)) => Path::new(&directory).join(built),
        _ => program.into(),
    }
}
