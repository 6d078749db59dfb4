//! `kring-sim`: runs seeds, some of them twice, and closes with one line of figures.
//! It decides nothing about a run; `kring_sim::run` does.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use kring_sim::run::{Outcome, run};

/// Seeds that once failed: `seed seconds  what it found`, a line each.
const REGRESSIONS: &str = include_str!("../regressions.txt");

/// Runs simulated clusters under faults and checks what clients were promised.
#[derive(Parser)]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Simulated seconds with faults of each run.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Prints what the brokers log, for looking into one seed: a filter such as `info` or `kring_log=debug`.
    #[arg(long)]
    log: Option<String>,
    /// Runs the seeds that once failed, too.
    #[arg(long)]
    regressions: bool,
    /// How many of the seeds run a second time, to compare the hashes of all events.
    #[arg(long, default_value_t = 5)]
    twice: u64,
}

#[derive(Default)]
struct Totals {
    simulated: Duration,
    operations: usize,
    acknowledged: usize,
    power_losses: u64,
    blackouts: u64,
    partitions: u64,
    pauses: u64,
    broken_links: u64,
    lost_sectors: u64,
    violations: usize,
    different: usize,
}

impl Totals {
    fn add(&mut self, outcome: &Outcome) {
        let (machines, network) = outcome.faults;
        self.simulated += outcome.simulated;
        self.operations += outcome.operations;
        self.acknowledged += outcome.acknowledged;
        self.power_losses += machines.power_losses;
        self.blackouts += machines.blackouts;
        self.partitions += machines.partitions;
        self.pauses += machines.pauses;
        self.broken_links += network.broken;
        self.lost_sectors += outcome.lost_sectors;
        self.violations += outcome.violations.len();
    }

    /// Faults that never hit: a run without them proves less than it says.
    fn missing(&self) -> Vec<&'static str> {
        [
            ("power losses", self.power_losses),
            ("power losses of all at once", self.blackouts),
            ("partitions", self.partitions),
            ("pauses", self.pauses),
            ("broken links", self.broken_links),
            ("lost sectors", self.lost_sectors),
        ]
        .into_iter()
        .filter(|(_, count)| *count == 0)
        .map(|(name, _)| name)
        .collect()
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(filter) = &arguments.log {
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(false)
            .without_time()
            .init();
    }
    let faulty = Duration::from_secs(arguments.seconds);
    let mut totals = Totals::default();
    if arguments.regressions {
        for (seed, seconds) in regressions() {
            let outcome = run(seed, Duration::from_secs(seconds));
            report(&outcome, seconds);
            totals.add(&outcome);
        }
    }
    for seed in arguments.first..arguments.first + arguments.seeds {
        let outcome = run(seed, faulty);
        report(&outcome, arguments.seconds);
        totals.add(&outcome);
        if seed - arguments.first < arguments.twice {
            let again = run(seed, faulty);
            if again.trace != outcome.trace {
                println!(
                    "seed {seed}: {:016x}, then {:016x}: not deterministic",
                    outcome.trace, again.trace
                );
                totals.different += 1;
            }
        }
    }
    close(&arguments, &totals)
}

fn regressions() -> impl Iterator<Item = (u64, u64)> {
    REGRESSIONS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut words = line.split_whitespace().map(str::parse);
            match (words.next(), words.next()) {
                (Some(Ok(seed)), Some(Ok(seconds))) => (seed, seconds),
                _ => panic!("regressions.txt: `{line}` does not begin with a seed and seconds"),
            }
        })
}

fn report(outcome: &Outcome, seconds: u64) {
    println!(
        "seed {:>4}  trace {:016x}  {:>4} s  {:>6} acknowledged  {} violations",
        outcome.seed,
        outcome.trace,
        outcome.simulated.as_secs(),
        outcome.acknowledged,
        outcome.violations.len()
    );
    for violation in outcome.violations.iter().take(10) {
        println!("    {}: {}", violation.check, violation.fact);
    }
    if !outcome.violations.is_empty() {
        println!(
            "    again: cargo run --profile sim -p kring-sim -- --first {} --seeds 1 --twice 0 --seconds {seconds}",
            outcome.seed
        );
    }
}

fn close(arguments: &Arguments, totals: &Totals) -> ExitCode {
    let missing = totals.missing();
    if !missing.is_empty() {
        println!("no {} happened: run more seeds", missing.join(", no "));
    }
    println!(
        "suite=sim seeds={} hours={:.2} faults=power_losses:{},blackouts:{},partitions:{},pauses:{},broken_links:{},lost_sectors:{} \
         ops={} acknowledged={} twice={} different={} violations={}",
        arguments.seeds,
        totals.simulated.as_secs_f64() / 3600.0,
        totals.power_losses,
        totals.blackouts,
        totals.partitions,
        totals.pauses,
        totals.broken_links,
        totals.lost_sectors,
        totals.operations,
        totals.acknowledged,
        arguments.twice.min(arguments.seeds),
        totals.different,
        totals.violations,
    );
    if totals.violations == 0 && totals.different == 0 && missing.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
