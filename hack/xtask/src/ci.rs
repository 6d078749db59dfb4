//! `cargo xtask ci <lane>`: what CI runs, one lane at a time, each closing with one line of figures.
//! It installs nothing; `hack/test` does, before it calls the lanes.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
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
    /// What the quick lanes do in minutes, for an hour: the lanes `proofs` and `strikes` side by side, after what needs a
    /// quiet machine.
    Full,
    /// Long simulations, every canary, the models' deep searches, the operator's crash points, the fuzzers.
    Proofs,
    /// What the lane `chaos` does, for most of an hour.
    Strikes,
    /// Bytes from outside, mutated, into everything that they reach.
    Fuzz,
    /// Three real brokers under faults of processes, network and disks, and one among strangers. It needs root.
    Chaos,
    /// What the broker takes of processor, disk and memory, beside a yardstick, against the baseline.
    Bench,
    /// Other people's clients against one broker.
    Compat,
    /// The charts, and the end-to-end tests on a real Kubernetes.
    Kube,
}

/// Runs a lane, or those steps of it that contain `only`. With `record` the figures of each suite that holds go to the README when it closes.
///
/// # Errors
/// At the first step that fails, with its command line. The lane `full` is too long for that: it takes
/// all its steps, and names those that failed.
pub(crate) fn run(root: &Path, lane: Lane, record: bool, only: &str) -> Result<(), String> {
    let started = Instant::now();
    let readme = Mutex::new(());
    let chosen = |lane| steps(lane).iter().filter(|step| step.contains(only));
    let take = |nice: &[&str], step: &str| {
        let closing = execute(root, nice, step)?;
        if !record || closing.is_empty() {
            return Ok(());
        }
        let _alone = readme.lock().expect("no step panics");
        run_log::record(root, &closing)
    };
    let all = |nice: &[&str], lane, alone: bool| {
        let steps = chosen(lane).filter(|step| needs_quiet(step) == alone);
        let failed = steps.filter_map(|step| take(nice, step).err());
        failed.collect::<Vec<_>>()
    };
    let lanes = match lane {
        Lane::Full => &[Lane::Proofs, Lane::Strikes][..],
        _ => &[lane][..],
    };
    for lane in lanes {
        builds(*lane).iter().try_for_each(|step| take(&[], step))?;
    }
    if lane == Lane::Full {
        let mut failed = all(&[], Lane::Strikes, true);
        thread::scope(|scope| {
            // The proofs take what the strikes leave of the processors.
            let proofs = scope.spawn(|| all(&["nice", "-n", "19"], Lane::Proofs, false));
            failed.extend(all(&[], Lane::Strikes, false));
            failed.extend(proofs.join().expect("no step panics"));
        });
        if !failed.is_empty() {
            return Err(failed.join("; "));
        }
    } else {
        chosen(lane).try_for_each(|step| take(&[], step))?;
    }
    println!("lane={lane:?} seconds={}", started.elapsed().as_secs());
    Ok(())
}

/// Whether a step compares times of its own run with each other, so that load beside it would count as what it measures.
fn needs_quiet(step: &str) -> bool {
    step.contains("kring-chaos hostile")
}

const BUILD_SIMULATOR: &str =
    "cargo build --locked --quiet --profile sim --package kring-sim --features canary";
const BUILD_CHAOS: &str = "cargo build --locked --quiet --profile sim --package kring-broker --package kring-load --package kring-chaos";

const BUILD_BENCH: &str =
    "cargo build --locked --quiet --profile sim --package kring-broker --package kring-bench";

/// What is built before anything runs. The simulator has its canaries in it: in `kring-sim` all of them are off.
fn builds(lane: Lane) -> &'static [&'static str] {
    match lane {
        Lane::Sim => &[BUILD_SIMULATOR],
        Lane::Chaos | Lane::Strikes => &[BUILD_CHAOS],
        Lane::Bench => &[BUILD_BENCH],
        Lane::Proofs => &[
            BUILD_SIMULATOR,
            "cargo build --locked --quiet --profile sim --package kring-e2e-sim",
        ],
        _ => &[],
    }
}

/// The lanes, each a list of command lines whose words have no spaces in them.
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
            "target/sim/kring-sim --regressions --twice=100 --calm=24 --seeds=60",
            "target/sim/kring-canaries --seeds-max=100",
        ],
        Lane::Fuzz => &["hack/fuzz 15"],
        Lane::Chaos => &[
            "target/sim/kring-chaos mixed --minutes=3 --faults-min=50 --acked-min=1000000",
            "target/sim/kring-chaos storm --cycles=20",
            "target/sim/kring-chaos power --cuts=10",
            "target/sim/kring-chaos power --cuts=1 --lying",
            "target/sim/kring-chaos trouble --rounds=6",
            "target/sim/kring-chaos rot --flips=50 --alone",
            "target/sim/kring-chaos full --rounds=1",
            "target/sim/kring-chaos hostile --frames=100000 --rounds=2 --connections=2000 --hold-seconds=15 --p99-times-max=4",
        ],
        // `run` takes those of two lanes.
        Lane::Full => &[],
        Lane::Proofs => &[
            "target/sim/kring-sim --regressions --twice=100 --calm=560 --seeds=200",
            "target/sim/kring-canaries --seeds-max=1000",
            "cargo xtask models",
            "target/sim/kring-e2e-sim --regressions --twice=12 --crash-points=100",
            "hack/fuzz 60",
        ],
        Lane::Strikes => &[
            "target/sim/kring-chaos mixed --minutes=18 --faults-min=300 --acked-min=15000000",
            "target/sim/kring-chaos storm --cycles=200",
            "target/sim/kring-chaos power --cuts=150",
            "target/sim/kring-chaos trouble --rounds=30",
            "target/sim/kring-chaos rot --flips=1000 --flips-each=20 --alone",
            "target/sim/kring-chaos full --rounds=3",
            "target/sim/kring-chaos hostile --frames=2000000 --connections=15000 --hold-seconds=60",
        ],
        Lane::Bench => &[
            "target/sim/kring-bench --kring=target/sim/kring-broker --folder=target/bench --guard=hack/bench/guard.json",
        ],
        Lane::Compat => &[
            "e2e/compat/run",
            "e2e/compat/librdkafka/run",
            "e2e/compat/franz-go/run",
            "e2e/compat/differential/run",
        ],
        Lane::Kube => &[
            "hack/cluster/install",
            "hack/cluster/exec charts/tests/run",
            "e2e/run",
        ],
    }
}

/// Runs a step under `nice`, shows what it prints, and gives the closing lines of its suites.
fn execute(root: &Path, nice: &[&str], line: &str) -> Result<Vec<String>, String> {
    println!("── {line}");
    let started = Instant::now();
    let mut closing = Vec::new();
    let words = nice.iter().copied().chain(line.split_whitespace());
    let mut words = words.map(located);
    let program = words.next().expect("a step names a program");
    let mut child = Command::new(program)
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
    let seconds = started.elapsed().as_secs();
    if status.success() {
        println!("── {seconds} s: {line}");
        Ok(closing)
    } else {
        Err(format!("`{line}` failed after {seconds} s: {status}"))
    }
}

/// What of the build a word names, after `=` too, lies where cargo puts it; other words stay what they are.
fn located(word: &str) -> OsString {
    let (option, path) = match word.split_once('=') {
        Some((option, path)) => (format!("{option}="), path),
        None => (String::new(), word),
    };
    match (
        path.strip_prefix("target/"),
        std::env::var_os("CARGO_TARGET_DIR"),
    ) {
        (Some(built), Some(directory)) => {
            let mut located = OsString::from(option);
            located.push(Path::new(&directory).join(built));
            located
        }
        _ => word.into(),
    }
}
