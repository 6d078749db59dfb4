//! Many runs: every scenario without a crash, then with the operator killed at its write points.
//! It prints a line for each run that failed, with the command that repeats it, and the figures.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kring_sim::checks::Violation;

use crate::final_state::differences;
use crate::run::{self, Crash, Outcome};
use crate::scenario::{self, Scenario};

/// Runs that once failed: `scenario seed crash  what it found`, a line each; `-` is no crash.
const REGRESSIONS: &str = include_str!("../regressions.txt");

/// Most lines that tell how far a set of runs is.
const PROGRESS_LINES: usize = 20;

/// What to run.
#[derive(Debug)]
pub struct Plan {
    /// The seeds.
    pub seeds: Range<u64>,
    /// Every scenario is among them, so that every kind of fault must be hit.
    pub is_whole: bool,
    /// The scenarios.
    pub scenarios: Vec<&'static Scenario>,
    /// The runs that once failed come first.
    pub regressions: bool,
    /// Most crash points of each scenario and seed.
    pub crash_points: usize,
    /// The only crash.
    pub crash: Option<Crash>,
    /// How many runs without a crash are made twice.
    pub twice: usize,
}

#[derive(Clone, Copy)]
struct Job {
    scenario: &'static Scenario,
    seed: u64,
    crash: Option<Crash>,
}

#[derive(Default)]
struct Totals {
    runs: u64,
    simulated: Duration,
    operations: u64,
    acknowledged: u64,
    rollouts: u64,
    stops: u64,
    crash_points: u64,
    kills: u64,
    late: u64,
    late_refused: u64,
    late_orders: u64,
    conflicts: u64,
    stale: u64,
    lost_answers: u64,
    refused: u64,
    disturbances: u64,
    different: u64,
    violations: u64,
}

impl FromStr for Crash {
    type Err = String;

    fn from_str(text: &str) -> Result<Crash, String> {
        let wrong = || {
            format!(
                "`{text}` is not a crash; say before:N, after:N, late:N, late-order:N or every:N"
            )
        };
        let (kind, number) = text.split_once(':').ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        match kind {
            "before" if number > 0 => Ok(Crash::Before(number)),
            "after" if number > 0 => Ok(Crash::After(number)),
            "late" if number > 0 => Ok(Crash::Late(number)),
            "late-order" if number > 0 => Ok(Crash::LateOrder(number)),
            "every" if number > 0 => Ok(Crash::Every(number)),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Crash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Crash::Before(at) => write!(out, "before:{at}"),
            Crash::After(at) => write!(out, "after:{at}"),
            Crash::Late(at) => write!(out, "late:{at}"),
            Crash::LateOrder(at) => write!(out, "late-order:{at}"),
            Crash::Every(at) => write!(out, "every:{at}"),
        }
    }
}

/// Runs the plan, prints what was found, and says whether all is well.
#[must_use]
pub fn run(plan: &Plan) -> bool {
    let mut totals = Totals::default();
    if plan.regressions {
        let known = regressions();
        for (job, outcome) in known.iter().zip(run_all(&known)) {
            report(*job, &outcome, &outcome.violations, &mut totals);
        }
    }
    let calm: Vec<Job> = plan
        .seeds
        .clone()
        .flat_map(|seed| {
            let scenarios = plan.scenarios.iter();
            scenarios.map(move |scenario| Job {
                scenario,
                seed,
                crash: None,
            })
        })
        .collect();
    let references = run_all(&calm);
    for (job, outcome) in calm.iter().zip(&references) {
        report(*job, outcome, &outcome.violations, &mut totals);
    }
    again(
        &calm[..plan.twice.min(calm.len())],
        &references,
        &mut totals,
    );
    let mut crashes = Vec::new();
    for (job, outcome) in calm.iter().zip(&references) {
        let points = match plan.crash {
            Some(crash) => vec![crash],
            None => points(outcome.counts.writes, plan.crash_points),
        };
        totals.crash_points += points.len() as u64;
        crashes.extend(points.into_iter().map(|crash| {
            let crash = Some(crash);
            (Job { crash, ..*job }, outcome)
        }));
    }
    let jobs: Vec<Job> = crashes.iter().map(|(job, _)| *job).collect();
    for ((job, reference), outcome) in crashes.iter().zip(run_all(&jobs)) {
        let mut violations = outcome.violations.clone();
        let differences = differences(&reference.final_state, &outcome.final_state);
        if !differences.is_empty() {
            violations.push(Violation {
                check: "same final state",
                fact: differences.join("\n        "),
            });
        }
        report(*job, &outcome, &violations, &mut totals);
    }
    close(plan, &totals)
}

fn regressions() -> Vec<Job> {
    let lines = REGRESSIONS.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let mut words = line.split_whitespace();
            let mut word = || words.next().unwrap_or_default();
            let (name, seed, crash) = (word(), word(), word());
            let read = || {
                let crash = match crash {
                    "-" => None,
                    crash => Some(crash.parse().ok()?),
                };
                let scenario = scenario::by_name(name)?;
                let seed = seed.parse().ok()?;
                Some(Job {
                    scenario,
                    seed,
                    crash,
                })
            };
            read().unwrap_or_else(|| {
                panic!(
                    "regressions.txt: `{line}` does not begin with a scenario, a seed and a crash"
                )
            })
        })
        .collect()
}

/// Kills just before and just after each write, late arrivals of each write, and kills again and again:
/// as many as wanted, evenly spread.
fn points(writes: u64, wanted: usize) -> Vec<Crash> {
    let single = (1..=writes).flat_map(|at| [Crash::Before(at), Crash::After(at), Crash::Late(at)]);
    let again = [1, 2, 3, 5].map(Crash::Every);
    let all: Vec<Crash> = single.chain(again).collect();
    if all.len() <= wanted {
        return all;
    }
    // The last of each stretch: a wanted 1 is then the hardest, and strides do not favour one kind.
    (1..=wanted)
        .map(|nth| all[nth * all.len() / wanted - 1])
        .collect()
}

/// Runs jobs on every core and tells how far it is; the outcomes are in the order of the jobs.
fn run_all(jobs: &[Job]) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let told_after = jobs.len().div_ceil(PROGRESS_LINES).max(1);
    let outcomes: Vec<Mutex<Option<Outcome>>> = jobs.iter().map(|_| Mutex::new(None)).collect();
    let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    std::thread::scope(|scope| {
        for _ in 0..workers.min(jobs.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(at) else {
                        return;
                    };
                    let outcome = run::run(job.scenario, job.seed, job.crash);
                    *outcomes[at].lock().expect("no run panics here") = Some(outcome);
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    if done.is_multiple_of(told_after) && done < jobs.len() {
                        eprintln!("   {done} of {} runs", jobs.len());
                    }
                }
            });
        }
    });
    outcomes
        .into_iter()
        .map(|outcome| {
            let outcome = outcome.into_inner().expect("no run panics here");
            outcome.expect("every job was run")
        })
        .collect()
}

fn again(jobs: &[Job], references: &[Outcome], totals: &mut Totals) {
    for ((job, first), second) in jobs.iter().zip(references).zip(run_all(jobs)) {
        if first.hash != second.hash {
            println!(
                "{} seed {}: {:016x}, then {:016x}: not deterministic",
                job.scenario.name, job.seed, first.hash, second.hash
            );
            totals.different += 1;
        }
    }
}

fn report(job: Job, outcome: &Outcome, violations: &[Violation], totals: &mut Totals) {
    let counts = outcome.counts;
    totals.runs += 1;
    totals.simulated += outcome.simulated;
    totals.operations += outcome.operations;
    totals.acknowledged += outcome.acknowledged;
    totals.rollouts += outcome.rollouts;
    totals.stops += outcome.stops;
    totals.kills += counts.operator_kills;
    totals.late += counts.late_writes;
    totals.late_refused += counts.late_refused;
    totals.late_orders += counts.late_orders;
    totals.conflicts += counts.conflicts;
    totals.stale += counts.stale_rounds;
    totals.lost_answers += counts.lost_answers;
    totals.refused += counts.refused;
    totals.disturbances += outcome.disturbances;
    totals.violations += violations.len() as u64;
    let crash = job.crash.map(|crash| crash.to_string());
    if job.crash.is_none() || !violations.is_empty() {
        println!(
            "{:<20} seed {:>3} {:<10} hash {:016x} {:>4} s {:>4} writes {:>2} stops {:>6} acknowledged {} violations",
            job.scenario.name,
            job.seed,
            crash.as_deref().unwrap_or("-"),
            outcome.hash,
            outcome.simulated.as_secs(),
            counts.writes,
            outcome.stops,
            outcome.acknowledged,
            violations.len()
        );
    }
    for violation in violations.iter().take(10) {
        println!("    {}: {}", violation.check, violation.fact);
    }
    if !violations.is_empty() {
        let crash = crash.map(|crash| format!(" --crash {crash}"));
        println!(
            "    again: cargo run --profile sim -p kring-e2e-sim -- --scenario {} --first {} --twice 0{}",
            job.scenario.name,
            job.seed,
            crash.unwrap_or_default()
        );
    }
}

fn close(plan: &Plan, totals: &Totals) -> bool {
    let mut must = vec![("runs", totals.runs)];
    // One scenario alone may be one in which no pod is to be stopped.
    if plan.is_whole {
        must.extend([
            ("looks at stops", totals.stops),
            ("rollouts", totals.rollouts),
            ("brokers lost", totals.disturbances),
            ("conflicts", totals.conflicts),
            ("stale rounds", totals.stale),
            ("lost answers", totals.lost_answers),
            ("refused requests", totals.refused),
        ]);
        if plan.crash_points >= 3 {
            must.extend([
                ("operator kills", totals.kills),
                ("late writes", totals.late),
                ("refused late writes", totals.late_refused),
            ]);
        }
    }
    let missing: Vec<&str> = must
        .iter()
        .filter(|(_, count)| *count == 0)
        .map(|(name, _)| *name)
        .collect();
    if !missing.is_empty() {
        println!("no {} happened: run more seeds", missing.join(", no "));
    }
    println!(
        "suite=e2e-sim seeds={} hours={:.2} runs={} rolls={} stops={} crash_points={} \
         faults=operator_kills:{},late_writes:{},late_refused:{},late_orders:{},conflicts:{},stale_rounds:{},lost_answers:{},refused:{},brokers_lost:{} \
         ops={} acknowledged={} twice={} different={} violations={}",
        plan.seeds.end - plan.seeds.start,
        totals.simulated.as_secs_f64() / 3600.0,
        totals.runs,
        totals.rollouts,
        totals.stops,
        totals.crash_points,
        totals.kills,
        totals.late,
        totals.late_refused,
        totals.late_orders,
        totals.conflicts,
        totals.stale,
        totals.lost_answers,
        totals.refused,
        totals.disturbances,
        totals.operations,
        totals.acknowledged,
        plan.twice,
        totals.different,
        totals.violations,
    );
    missing.is_empty() && totals.violations == 0 && totals.different == 0
}
