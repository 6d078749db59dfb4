//! `kring-e2e-sim`: runs scenarios, kills the operator at their write points, and closes with one line
//! of figures. It decides nothing about a run; `kring_e2e_sim::run` does.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use kring_e2e_sim::run::Crash;
use kring_e2e_sim::scenario::{self, Scenario};
use kring_e2e_sim::suite::{self, Plan};

/// Runs the operator and brokers in a toy Kubernetes, and kills the operator between its writes.
#[derive(Parser)]
struct Arguments {
    /// How many seeds: each runs every scenario.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Only this scenario.
    #[arg(long)]
    scenario: Option<String>,
    /// At how many points of each scenario and seed the operator is killed: evenly spread over all of
    /// them, or all if there are fewer.
    #[arg(long, default_value_t = 0)]
    crash_points: usize,
    /// One crash only, as a failure prints it: `before:7`, `after:7`, `late:7`, `late-order:7` or
    /// `every:3`.
    #[arg(long)]
    crash: Option<Crash>,
    /// How many runs without a crash are made a second time, to compare the hashes of all events.
    #[arg(long, default_value_t = 2)]
    twice: usize,
    /// Runs what once failed, too.
    #[arg(long)]
    regressions: bool,
    /// Prints what operator and brokers log, for looking into one run: a filter such as `info`.
    #[arg(long)]
    log: Option<String>,
}

fn scenarios(name: Option<&str>) -> Result<Vec<&'static Scenario>, String> {
    let Some(name) = name else {
        return Ok(scenario::ALL.iter().collect());
    };
    scenario::by_name(name)
        .map(|scenario| vec![scenario])
        .ok_or_else(|| {
            let names: Vec<&str> = scenario::ALL.iter().map(|s| s.name).collect();
            format!(
                "there is no scenario {name}; there are {}",
                names.join(", ")
            )
        })
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
    let scenarios = match scenarios(arguments.scenario.as_deref()) {
        Ok(scenarios) => scenarios,
        Err(wrong) => {
            eprintln!("{wrong}");
            return ExitCode::FAILURE;
        }
    };
    let plan = Plan {
        seeds: arguments.first..arguments.first + arguments.seeds,
        is_whole: arguments.scenario.is_none(),
        scenarios,
        regressions: arguments.regressions,
        crash_points: arguments.crash_points,
        crash: arguments.crash,
        twice: arguments.twice,
    };
    if suite::run(&plan) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
