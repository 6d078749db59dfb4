//! `kring-bench`: Kring and Apache Kafka in turn under the same bytes, and the floors that their ratios must keep.
//! It builds and fetches nothing itself; `hack/bench/compare` does.

#![forbid(unsafe_code)]

mod batch;
mod broker;
mod call;
mod compare;
mod confined;
mod consume;
mod foreign;
mod frame;
mod group;
mod guard;
mod load;
mod memory_limit;
mod metric;
mod plot;
mod produce;
mod replicate;
mod scenario;
#[cfg(test)]
mod smoke;
mod stand;
mod statistics;
mod sweep;
mod table;
mod transact;
mod usage;
mod wait;
mod yardstick;

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use broker::Places;
use clap::Parser;
use compare::Extent;
use scenario::{SCENARIOS, Scenario};
use sweep::Sweep;

/// Compares Kring with Apache Kafka.
#[derive(Parser)]
#[command(name = "kring-bench")]
struct Arguments {
    /// Short turns and a short warm-up; ratios are rougher.
    #[arg(long)]
    quick: bool,
    /// Only these scenarios.
    #[arg(long = "scenario", value_name = "NAME")]
    scenarios: Vec<String>,
    /// These sweeps, and no scenario but those named.
    #[arg(long = "sweep", value_name = "WHAT")]
    sweeps: Vec<Sweep>,
    /// Where the curves of sweeps go; by default beside the results.
    #[arg(long)]
    plots: Option<PathBuf>,
    /// A file for the figures that have floors, as a table in Markdown.
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
    /// Nothing but the guard: Kring alone against the baseline in this file. Exit status 1 when it stepped back.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["scenarios", "sweeps"])]
    guard: Option<PathBuf>,
    /// What the guard measures is the new baseline.
    #[arg(long, requires = "guard")]
    record_guard: bool,
    /// Turns of each broker.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Brokers on processor 1, the load on processor 0.
    #[arg(long)]
    pinned: bool,
    /// Kring alone, without Apache Kafka and ratios: to look into it. The load end to end goes at this rate, in requests a second.
    #[arg(long, value_name = "RATE")]
    alone: Option<f64>,
    /// The broker's program.
    #[arg(long, default_value = "target/release/kring-broker")]
    kring: PathBuf,
    /// The folder with `start` and `stop` of Apache Kafka.
    #[arg(long, default_value = "e2e/kafka")]
    kafka: PathBuf,
    /// Where both brokers have their data, and the results go.
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(missed) => {
            for floor in &missed {
                println!("MISSED {floor}");
            }
            ExitCode::from(u8::from(!missed.is_empty()))
        }
        Err(reason) => {
            eprintln!("kring-bench: {reason}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<Vec<String>, String> {
    let chosen = choose(
        &arguments.scenarios,
        !arguments.sweeps.is_empty(),
        arguments.quick,
    )?;
    fs::create_dir_all(&arguments.folder)
        .map_err(|e| format!("{}: {e}", arguments.folder.display()))?;
    let whole = |path: &PathBuf| {
        path.canonicalize().map_err(|e| {
            format!(
                "{}: {e}; hack/bench/compare builds what is needed",
                path.display()
            )
        })
    };
    let places = Places {
        kring: whole(&arguments.kring)?,
        kafka: whole(&arguments.kafka)?,
        folder: whole(&arguments.folder)?,
        kring_port: 29_092,
        pinned: arguments.pinned,
        alone: arguments.alone,
        memory_bytes_max: None,
    };
    if let Some(baseline) = &arguments.guard {
        return guard::run(&places, baseline, arguments.record_guard);
    }
    let extent = match arguments.quick {
        true => extent(arguments.rounds, 10, 4, 256 << 20),
        false => extent(arguments.rounds, 90, 20, 2 << 30),
    };
    if places.pinned {
        broker::pin(0)?;
    }
    let path = places.folder.join("results.jsonl");
    let mut results = File::create(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut missed = Vec::new();
    let plots = arguments.plots.as_ref().unwrap_or(&places.folder);
    for sweep in &arguments.sweeps {
        sweep::run(*sweep, &places, extent, &mut results, plots)?;
    }
    let mut rows = String::new();
    for scenario in chosen {
        let both = compare::run(scenario, &places, extent, &mut results)?;
        rows.push_str(&table::rows(scenario, &both));
        // Most floors are of ratios.
        if places.alone.is_none() {
            missed.extend(compare::missed(scenario, &both));
        }
        if let Some(path) = &arguments.table {
            table::write(path, &how(arguments, extent), &rows)?;
        }
    }
    println!("every turn is in {}", path.display());
    Ok(missed)
}

/// How the figures came about, for who reads the table.
fn how(arguments: &Arguments, extent: Extent) -> String {
    format!(
        "Written by `hack/bench/compare{}{}`: medians of {} rounds in turn, Apache Kafka warmed up for {} s, {} processors, load and broker on the same ones.",
        if arguments.quick { " --quick" } else { "" },
        if arguments.pinned { " --pinned" } else { "" },
        extent.rounds,
        extent.warm_up.as_secs(),
        std::thread::available_parallelism().map_or(0, usize::from),
    )
}

fn extent(rounds: usize, warm_up_s: u64, turn_s: u64, turn_payload_bytes: u64) -> Extent {
    Extent {
        rounds: rounds.max(1),
        warm_up: Duration::from_secs(warm_up_s),
        turn_time_max: Duration::from_secs(turn_s),
        turn_payload_bytes,
        rate: 0.0,
    }
}

fn choose(names: &[String], sweeps: bool, quick: bool) -> Result<Vec<&'static Scenario>, String> {
    if names.is_empty() && !sweeps {
        let chosen = SCENARIOS.iter().filter(|s| !(quick && s.is_long()));
        return Ok(chosen.collect());
    }
    let find = |name: &String| {
        SCENARIOS
            .iter()
            .find(|scenario| scenario.name == name)
            .ok_or_else(|| {
                let known: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
                format!("{name} is no scenario; there are {}", known.join(", "))
            })
    };
    names.iter().map(find).collect()
}
