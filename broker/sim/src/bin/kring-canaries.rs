//! `kring-canaries`: switches on each known bug in turn and prints which check noticed it after how many seeds.
//! It fails when one escapes; a run without any canary is `kring-sim`'s.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clap::Parser;
use kring_io::canary::Canary;
use kring_sim::canaries::{Hunted, hunt};
use kring_sim::faults::draw::Menu;

/// Runs simulated clusters that have a known bug, until the bug is noticed.
#[derive(Parser)]
struct Arguments {
    /// Only the canaries whose names contain this.
    #[arg(long, default_value = "")]
    only: String,
    /// These are not hunted, and counted as not caught.
    #[arg(long, value_delimiter = ',')]
    except: Vec<String>,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Seeds for each canary at most.
    #[arg(long, default_value_t = 400)]
    seeds_max: u64,
    /// Simulated seconds with faults of each run.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Draws only these faults, instead of those that fit each canary.
    #[arg(long, value_delimiter = ',')]
    faults: Vec<String>,
    /// How many canaries are hunted at once.
    #[arg(long, default_value_t = std::thread::available_parallelism().map_or(1, std::num::NonZero::get))]
    jobs: usize,
    /// Only lists the canaries and what is wrong with them.
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let chosen: Vec<Canary> = Canary::ALL
        .iter()
        .copied()
        .filter(|canary| canary.name().contains(&arguments.only))
        .collect();
    let (left_out, chosen): (Vec<Canary>, Vec<Canary>) = chosen
        .into_iter()
        .partition(|canary| arguments.except.iter().any(|name| name == canary.name()));
    if arguments.list {
        for canary in &chosen {
            println!("{:28} {}", canary.name(), canary.bug());
        }
        return ExitCode::SUCCESS;
    }
    let menu = match arguments.faults.as_slice() {
        [] => None,
        faults => match Menu::of(faults) {
            Ok(menu) => Some(menu),
            Err(wrong) => {
                eprintln!("{wrong}");
                return ExitCode::FAILURE;
            }
        },
    };
    // Assertions are expected here; what they say is in the table.
    std::panic::set_hook(Box::new(|_| {}));
    close(&hunt_all(&arguments, &chosen, menu.as_ref()), &left_out)
}

fn hunt_all(arguments: &Arguments, chosen: &[Canary], menu: Option<&Menu>) -> Vec<Hunted> {
    let faulty = Duration::from_secs(arguments.seconds);
    let next = AtomicUsize::new(0);
    let hunted = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs.max(1) {
            scope.spawn(|| {
                while let Some(canary) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = hunt(*canary, arguments.first, arguments.seeds_max, faulty, menu);
                    report(&result);
                    hunted
                        .lock()
                        .expect("no holder of this lock panics")
                        .push(result);
                }
            });
        }
    });
    hunted.into_inner().expect("no holder of this lock panics")
}

fn report(hunted: &Hunted) {
    let name = hunted.canary.name();
    match &hunted.caught {
        Some(caught) => {
            let fact: String = caught.fact.chars().take(90).collect();
            println!(
                "{name:28} {:>4} seeds  {:20} {fact}",
                hunted.seeds, caught.check
            );
        }
        None => println!(
            "{name:28} {:>4} seeds  ESCAPED: {}",
            hunted.seeds,
            hunted.canary.bug()
        ),
    }
}

fn close(hunted: &[Hunted], left_out: &[Canary]) -> ExitCode {
    for canary in left_out {
        println!("{:28} left out", canary.name());
    }
    let mut needed: Vec<u64> = hunted
        .iter()
        .filter(|h| h.caught.is_some())
        .map(|h| h.seeds)
        .collect();
    needed.sort_unstable();
    let median = needed.get(needed.len() / 2).copied().unwrap_or(0);
    println!(
        "suite=canaries seeds={} canaries={}/{} median_seeds={median} escaped={} left_out={}",
        hunted.iter().map(|h| h.seeds).sum::<u64>(),
        needed.len(),
        hunted.len() + left_out.len(),
        hunted.len() - needed.len(),
        left_out.len(),
    );
    if needed.len() == hunted.len() && !hunted.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
