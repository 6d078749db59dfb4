//! `kring-chaos`: three real brokers in network namespaces and on bad disks, real clients, and a seeded nemesis.
//! It needs root, touches nothing outside of namespaces of its own, and judges with the simulator's checks.

#![forbid(unsafe_code)]

mod broker;
mod client;
mod closing;
mod cluster;
mod command;
mod disk;
mod enclosure;
mod foreign;
mod full;
mod hostile;
mod interrupt;
mod load;
mod mixed;
mod nemesis;
mod network;
mod patience;
mod power;
mod recording;
mod rot;
mod run;
mod storm;
mod trouble;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::{Parser, Subcommand};
use closing::Closing;
use run::Run;

/// Strikes three real brokers and checks what clients were promised.
#[derive(Parser)]
#[command(name = "kring-chaos")]
struct Arguments {
    #[command(subcommand)]
    suite: Suite,
    /// Decides the faults and the sizes; drawn from the clock unless given.
    #[arg(long, global = true)]
    seed: Option<u64>,
    /// The broker's program; `kring-broker` beside this program unless given.
    #[arg(long, global = true)]
    broker: Option<PathBuf>,
    /// The foreign client's program; `kring-load` beside this program unless given.
    #[arg(long, global = true)]
    load: Option<PathBuf>,
    /// Where logs, data and histories go; emptied first.
    #[arg(long, global = true, default_value = "target/chaos")]
    folder: PathBuf,
    /// The run is ended after this many minutes, whatever it waits for.
    #[arg(long, global = true, default_value_t = 60)]
    at_most_minutes: u64,
}

#[derive(Subcommand)]
enum Suite {
    /// All faults of processes and network, mixed.
    Mixed(mixed::Asked),
    /// SIGKILL of all brokers at once, and the time until everything serves again.
    Storm(storm::Asked),
    /// The disks of all brokers lose power at once.
    Power(power::Asked),
    /// The disk of one broker fails an operation or hangs.
    Trouble(trouble::Asked),
    /// Files of one broker rot.
    Rot(rot::Asked),
    /// The disks fill up and get space back.
    Full(full::Asked),
    /// Frames that no client means, and idle connections, at one broker.
    Hostile(hostile::Asked),
}

impl Suite {
    fn name(&self) -> &'static str {
        match self {
            Suite::Mixed(_) => "mixed",
            Suite::Storm(_) => "storm",
            Suite::Power(_) => "power",
            Suite::Trouble(_) => "trouble",
            Suite::Rot(_) => "rot",
            Suite::Full(_) => "full",
            Suite::Hostile(_) => "hostile",
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match strike(&arguments) {
        Ok((closing, run)) => {
            let passed = closing.print();
            if passed {
                ExitCode::SUCCESS
            } else {
                println!(
                    "logs, data and histories are in {}; reproduce with: {}",
                    run.folder.display(),
                    reproduction(&run)
                );
                ExitCode::FAILURE
            }
        }
        Err(reason) => {
            eprintln!("kring-chaos: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn strike(arguments: &Arguments) -> Result<(Closing, Run), String> {
    enclosure::enter()?;
    interrupt::catch()?;
    end_after(Duration::from_secs(60 * arguments.at_most_minutes));
    let run = prepare(arguments)?;
    patience::watch(&run.folder).map_err(|e| format!("{}: {e}", run.folder.display()))?;
    println!("seed={} folder={}", run.seed, run.folder.display());
    let closing = match &arguments.suite {
        Suite::Mixed(asked) => mixed::run(&run, *asked),
        Suite::Storm(asked) => storm::run(&run, *asked),
        Suite::Power(asked) => power::run(&run, *asked),
        Suite::Trouble(asked) => trouble::run(&run, *asked),
        Suite::Rot(asked) => rot::run(&run, *asked),
        Suite::Full(asked) => full::run(&run, *asked),
        Suite::Hostile(asked) => hostile::run(&run, *asked),
    }?;
    Ok((closing, run))
}

fn prepare(arguments: &Arguments) -> Result<Run, String> {
    let own =
        std::env::current_exe().map_err(|e| format!("the path of this program is unknown: {e}"))?;
    let program = |given: &Option<PathBuf>, name: &str| {
        let path = given.clone().unwrap_or_else(|| own.with_file_name(name));
        path.canonicalize().map_err(|e| {
            format!(
                "{}: {e}; build it in the same profile (`cargo build --profile sim -p {name}`) or say where it is with an option",
                path.display()
            )
        })
    };
    let broker = program(&arguments.broker, "kring-broker")?;
    let needs_load = matches!(&arguments.suite, Suite::Mixed(asked) if asked.has_foreign());
    let load = match needs_load {
        true => program(&arguments.load, "kring-load")?,
        false => PathBuf::new(),
    };
    let folder = arguments.folder.join(arguments.suite.name());
    cluster::empty_folder(&folder)?;
    let folder = folder
        .canonicalize()
        .map_err(|e| format!("{}: {e}", folder.display()))?;
    let seed = arguments.seed.unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(1, |since| since.as_secs())
    });
    Ok(Run {
        seed,
        broker,
        load,
        folder,
    })
}

/// Ends the process, and with it everything in its namespaces, when the time is up.
fn end_after(limit: Duration) {
    std::thread::spawn(move || {
        std::thread::sleep(limit);
        eprintln!(
            "kring-chaos: not done after {} minutes",
            limit.as_secs() / 60
        );
        std::process::exit(1);
    });
}

/// The command line of this run with its seed.
fn reproduction(run: &Run) -> String {
    let mut line: Vec<String> = std::env::args().collect();
    if !line.iter().any(|word| word.starts_with("--seed")) {
        line.push(format!("--seed {}", run.seed));
    }
    line.join(" ")
}
