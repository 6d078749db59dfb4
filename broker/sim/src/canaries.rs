//! The hunt for a canary: seeds are run with a known bug switched on until a check, an assertion or the clock notices it.
//! It knows no bug; `kring_io::canary` lists them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use kring_io::canary::{self, Canary};

use crate::faults::draw::Menu;
use crate::open::is_open;
use crate::run::run;
use crate::scenario::{Class, Scenario};

/// The check that only says that something did not come to an end.
const LIVENESS: &str = "liveness";

/// What became of a canary.
#[derive(Clone, Debug)]
pub struct Hunted {
    /// The canary.
    pub canary: Canary,
    /// How many seeds ran, the last one included.
    pub seeds: u64,
    /// What noticed it; none if nothing did.
    pub caught: Option<Caught>,
}

/// How a canary was noticed.
#[derive(Clone, Debug)]
pub struct Caught {
    /// The seed.
    pub seed: u64,
    /// The check, or "assertion" where an engine noticed by itself.
    pub check: String,
    /// What it said.
    pub fact: String,
}

/// Runs seeds from `first` on, at most `seeds_max`, with a canary on. `menu` is what is drawn; by
/// default what fits the canary.
#[must_use]
pub fn hunt(
    canary: Canary,
    first: u64,
    seeds_max: u64,
    faulty: Duration,
    menu: Option<&Menu>,
) -> Hunted {
    let menu = menu.cloned().unwrap_or_else(|| menu_for(canary));
    let mut seeds = 0;
    let mut caught = None;
    while caught.is_none() && seeds < seeds_max {
        caught = look(first + seeds, faulty, &menu, canary);
        seeds += 1;
    }
    Hunted {
        canary,
        seeds,
        caught,
    }
}

/// What is drawn in the hunt for a canary: everything, but for bugs that only show when the last
/// moments of every disk are lost at once, because one whole disk is enough to repair the others.
fn menu_for(canary: Canary) -> Menu {
    let dishes: &[&str] = match canary {
        Canary::GroupsCompleteOutOfOrder => &["blackout", "hung-disk", "slow-disk"],
        Canary::DamagedTailCut => &["rot-tail", "kill", "pause", "isolate", "heal"],
        Canary::JournalReusedEarly => &["power-loss-in-checkpoint"],
        Canary::WriteErrorIgnored => &["write-error", "errors-then-blackout", "power-loss"],
        Canary::SyncErrorIgnored => &["sync-error", "errors-then-blackout", "power-loss"],
        Canary::EntryNotDurable => &["hung-then-blackout"],
        Canary::StaleLeaderFollowed | Canary::StaleReportCounts => &["slow-leaders"],
        Canary::StaleBrokerEpochJoins => &["late-joiner"],
        Canary::VoteNotDurable => &["forgotten-vote"],
        Canary::AmnesiacVotes => &["forgotten-log"],
        _ => return Menu::usual(),
    };
    let dishes: Vec<String> = dishes.iter().map(|dish| (*dish).to_owned()).collect();
    Menu::of(&dishes).expect("the menu has these dishes")
}

/// Whether somebody must move records in transactions for the bug to show.
fn is_of_transactions(canary: Canary) -> bool {
    matches!(
        canary,
        Canary::LastStableIsHighWatermark
            | Canary::AbortedListEmpty
            | Canary::MarkersNotResumed
            | Canary::InitKeepsEpoch
            | Canary::AbortedOffsetsHold
    )
}

/// What notices the canary in a seed, if anything does.
fn look(seed: u64, faulty: Duration, menu: &Menu, canary: Canary) -> Option<Caught> {
    let scenario = Scenario {
        class: Class::Storm,
        menu: menu.clone(),
        faulty,
        // The other bugs show without transactions, in less time.
        moves: is_of_transactions(canary),
        ..Scenario::of(seed)
    };
    let mut seen = seen(&scenario, Some(canary));
    if !seen.is_empty() {
        // What happens without a canary, too, has not noticed it.
        for without in self::seen(&scenario, None) {
            seen.retain(|caught| caught.check != without.check);
        }
    }
    // A broker that does not come back says less than what it did before.
    seen.into_iter()
        .min_by_key(|caught| caught.check == LIVENESS)
}

/// What a run with a canary, or without any, breaks.
fn seen(scenario: &Scenario, canary: Option<Canary>) -> Vec<Caught> {
    canary::set(canary);
    // An engine that stops at an assertion has noticed; the run is over and nothing of it is used again.
    let result = catch_unwind(AssertUnwindSafe(|| run(scenario)));
    canary::set(None);
    let seed = scenario.seed;
    match result {
        Ok(outcome) => outcome
            .violations
            .into_iter()
            .filter(|violation| !is_open(violation))
            .map(|violation| Caught {
                seed,
                check: violation.check.to_owned(),
                fact: violation.fact,
            })
            .collect(),
        Err(panic) => vec![Caught {
            seed,
            check: "assertion".to_owned(),
            fact: message(panic.as_ref()),
        }],
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
}
