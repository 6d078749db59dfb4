//! `kring-sim`: runs seeds on all cores, some of them twice, and closes with one line of figures.
//! It decides nothing about a run; `kring_sim::run` does. Threads are here and nowhere else.

#![forbid(unsafe_code)]

mod report;
mod shrinking;

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use kring_sim::faults::draw::Menu;
use kring_sim::faults::text;
use kring_sim::run::{Outcome, run, tell};
use kring_sim::scenario::{Class, Scenario};
use report::Totals;

/// Seeds that once failed: `seed seconds  what it found`, a line each, with `usual` for seconds where it was the
/// usual run of the seed; indented lines behind one are its plan.
const REGRESSIONS: &str = include_str!("../regressions.txt");

/// Runs simulated clusters under faults and checks what clients were promised.
#[derive(Parser)]
struct Arguments {
    /// How many seeds; with --minutes at most so many.
    #[arg(long)]
    seeds: Option<u64>,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// How many calm seeds more, with twenty minutes of little load each: many hours cost little.
    #[arg(long, default_value_t = 0)]
    calm: u64,
    /// Begins no further seed after so many minutes; those of --regressions, --twice and --calm all run.
    #[arg(long)]
    minutes: Option<u64>,
    /// Simulated seconds with dense faults of each run, instead of what the seed's class says.
    #[arg(long)]
    seconds: Option<u64>,
    /// Runs the seeds that once failed, too.
    #[arg(long)]
    regressions: bool,
    /// How many short seeds run twice, to compare the hashes of all events.
    #[arg(long, default_value_t = 0)]
    twice: u64,
    /// Seeds that run at once; by default as many as there are cores.
    #[arg(long)]
    jobs: Option<usize>,
    /// Only these choices of faults, with commas between.
    #[arg(long, value_delimiter = ',', value_name = "FAULTS")]
    only: Vec<String>,
    /// These choices of faults besides the usual ones, with commas between.
    #[arg(long, value_delimiter = ',', value_name = "FAULTS")]
    with: Vec<String>,
    /// Replays a plan, a file of lines `microseconds fault`, under the first seed.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Prints the planned faults of every seed, as --plan reads them.
    #[arg(long)]
    print_plan: bool,
    /// Prints what the brokers log, for looking into one seed: a filter such as `info` or `kring_log=debug`.
    #[arg(long)]
    log: Option<String>,
    /// Writes the history of the last seed to this file, for `kring-check`.
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Removes the faults that failing seeds do not need, and keeps the rest in this folder.
    #[arg(long, value_name = "FOLDER")]
    shrink: Option<PathBuf>,
    /// Does not fail where a kind of fault never took effect.
    #[arg(long)]
    any_faults: bool,
}

/// Simulated seconds of the seeds that run twice.
const TWICE_SECONDS: u64 = 10;
/// The first of them: they are seeds of their own, so that they do not repeat what runs once.
const TWICE_FIRST: u64 = 1_000_000_000;
/// The first of the calm seeds, which have their class of themselves.
const CALM_FIRST: u64 = 2_000_000_000;
/// Seeds when neither their number nor the time is given.
const SEEDS: u64 = 20;

/// Work of a thread.
struct Job {
    scenario: Scenario,
    twice: bool,
    /// Begins although the time is up.
    always: bool,
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
    let jobs = match jobs(&arguments) {
        Ok(jobs) => jobs,
        Err(error) => {
            eprintln!("kring-sim: {error}");
            return ExitCode::from(2);
        }
    };
    if let Some(file) = &arguments.history {
        return keep(file, jobs);
    }
    if let Some(folder) = &arguments.shrink {
        return shrink(folder, jobs);
    }
    let totals = run_all(&arguments, jobs);
    totals.close(arguments.any_faults)
}

/// Runs one seed after the other and keeps the history of the last.
fn keep(file: &Path, jobs: Box<dyn Iterator<Item = Job> + Send>) -> ExitCode {
    let mut totals = Totals::default();
    for job in jobs {
        let (outcome, history) = tell(&job.scenario);
        totals.add(&outcome, None, false);
        let kept = File::create(file).and_then(|f| history.write_to(BufWriter::new(f)));
        if let Err(error) = kept {
            eprintln!("kring-sim: {}: {error}", file.display());
            return ExitCode::from(2);
        }
    }
    totals.close(true)
}

/// Runs one seed after the other and makes those small that fail.
fn shrink(folder: &Path, jobs: Box<dyn Iterator<Item = Job> + Send>) -> ExitCode {
    let mut totals = Totals::default();
    for job in jobs {
        let outcome = run(&job.scenario);
        totals.add(&outcome, None, false);
        if let Err(error) = shrinking::smallest(&job.scenario, &outcome, folder) {
            eprintln!("kring-sim: {}: {error}", folder.display());
            return ExitCode::from(2);
        }
    }
    totals.close(true)
}

/// What is to be run, in order.
fn jobs(arguments: &Arguments) -> Result<Box<dyn Iterator<Item = Job> + Send>, String> {
    let menu = if arguments.only.is_empty() {
        Menu::usual()
    } else {
        Menu::of(&arguments.only)?
    };
    let menu = menu.and(Menu::of(&arguments.with)?);
    let plan = match &arguments.plan {
        Some(path) => {
            let read = std::fs::read_to_string(path);
            let text = read.map_err(|error| format!("{}: {error}", path.display()))?;
            Some(text::read(&text)?)
        }
        None => None,
    };
    let seconds = arguments.seconds;
    let scenario = move |seed| Scenario {
        menu: menu.clone(),
        plan: plan.clone(),
        ..seconds.map_or_else(|| Scenario::of(seed), |s| Scenario::storm(seed, s))
    };
    let mut first = Vec::new();
    if arguments.regressions {
        first = regressions()?;
    }
    let short = scenario.clone();
    let twice = (0..arguments.twice).map(move |number| Job {
        scenario: Scenario {
            class: Class::Storm,
            faulty: Duration::from_secs(TWICE_SECONDS),
            ..short(TWICE_FIRST + number)
        },
        twice: true,
        always: true,
    });
    let calm = scenario.clone();
    let calm = (CALM_FIRST..)
        .filter(|seed| Class::of(*seed) == Class::Calm)
        .zip(0..arguments.calm)
        .map(move |(seed, _)| Job {
            scenario: calm(seed),
            twice: false,
            always: true,
        });
    let seeds = match (arguments.seeds, arguments.minutes) {
        (Some(seeds), _) => seeds,
        (None, Some(_)) => u64::MAX / 2,
        (None, None) if arguments.twice + arguments.calm > 0 => 0,
        (None, None) => SEEDS,
    };
    let from = arguments.first;
    let once = (from..from + seeds).map(move |seed| Job {
        scenario: scenario(seed),
        twice: false,
        always: false,
    });
    let always = first.into_iter().chain(twice).chain(calm);
    Ok(Box::new(always.chain(once)))
}

/// Runs everything on as many threads as asked for.
fn run_all(arguments: &Arguments, jobs: Box<dyn Iterator<Item = Job> + Send>) -> Totals {
    let deadline = arguments
        .minutes
        .map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    let threads = arguments
        .jobs
        .or_else(|| thread::available_parallelism().ok().map(Into::into))
        .unwrap_or(1);
    let jobs = Mutex::new(jobs);
    let (sender, outcomes) = mpsc::channel();
    let mut totals = Totals::default();
    thread::scope(|scope| {
        for _ in 0..threads {
            let (jobs, sender) = (&jobs, sender.clone());
            scope.spawn(move || work(jobs, deadline, &sender));
        }
        drop(sender);
        for (outcome, again) in outcomes {
            totals.add(&outcome, again, arguments.print_plan);
        }
    });
    totals
}

fn work(
    jobs: &Mutex<Box<dyn Iterator<Item = Job> + Send>>,
    deadline: Option<Instant>,
    outcomes: &Sender<(Outcome, Option<u64>)>,
) {
    loop {
        let next = jobs
            .lock()
            .expect("no thread panics while it takes a job")
            .next();
        let Some(job) =
            next.filter(|job| job.always || deadline.is_none_or(|d| Instant::now() < d))
        else {
            return;
        };
        let outcome = run(&job.scenario);
        let again = job.twice.then(|| run(&job.scenario).trace);
        outcomes
            .send((outcome, again))
            .expect("the main thread takes outcomes until the last");
    }
}

fn regressions() -> Result<Vec<Job>, String> {
    let mut jobs: Vec<Job> = Vec::new();
    for line in REGRESSIONS.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with(' ') {
            let job = jobs
                .last_mut()
                .ok_or("regressions.txt begins with a plan")?;
            let plan = job.scenario.plan.get_or_insert_default();
            plan.extend(text::read(line)?);
            continue;
        }
        let mut words = line.split_whitespace();
        let (seed, length) = (words.next().map(str::parse), words.next());
        let scenario = match (seed, length.map(|length| (length, length.parse()))) {
            (Some(Ok(seed)), Some(("usual", _))) => Scenario::of(seed),
            (Some(Ok(seed)), Some((_, Ok(seconds)))) => Scenario::storm(seed, seconds),
            _ => {
                return Err(format!(
                    "regressions.txt: `{line}` does not begin with a seed and seconds or `usual`"
                ));
            }
        };
        jobs.push(Job {
            scenario,
            twice: false,
            always: true,
        });
    }
    Ok(jobs)
}
