//! What one run is: a seed, how dense faults and load are, for how long, and which faults.
//! It runs nothing; `run` does.

use std::time::Duration;

use crate::faults::draw::{Menu, Pace};
use crate::faults::text::Plan;

/// How dense a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Fault upon fault under load: a minute of it.
    Storm,
    /// Faults that the cluster mostly gets over before the next: five minutes.
    Steady,
    /// Long quiet times: twenty minutes.
    Calm,
}

impl Class {
    /// The class of a seed: five of eight are storms, one is calm.
    #[must_use]
    pub fn of(seed: u64) -> Class {
        match seed % 8 {
            0 => Class::Calm,
            1 | 2 => Class::Steady,
            _ => Class::Storm,
        }
    }

    /// Simulated time with faults.
    #[must_use]
    pub fn faulty(self) -> Duration {
        Duration::from_secs(match self {
            Class::Storm => 60,
            Class::Steady => 300,
            Class::Calm => 1_200,
        })
    }

    /// Time between faults.
    #[must_use]
    pub fn pace(self) -> Pace {
        match self {
            Class::Storm => Pace::STORM,
            Class::Steady => Pace::STEADY,
            Class::Calm => Pace::CALM,
        }
    }

    /// Pause of a producer between batches.
    #[must_use]
    pub fn think(self) -> Duration {
        Duration::from_millis(match self {
            Class::Storm => 20,
            Class::Steady => 80,
            Class::Calm => 3_000,
        })
    }

    /// Pause of who moves records in transactions between two of them.
    #[must_use]
    pub fn think_between_transactions(self) -> Duration {
        Duration::from_millis(match self {
            Class::Storm => 80,
            Class::Steady => 320,
            Class::Calm => 4_000,
        })
    }

    /// The longest pause of who asks for offsets, in ms.
    #[must_use]
    pub fn ask_ms(self) -> u64 {
        match self {
            Class::Storm | Class::Steady => 300,
            Class::Calm => 2_000,
        }
    }
}

/// One run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Decides everything that is not said here.
    pub seed: u64,
    /// How dense it is.
    pub class: Class,
    /// Simulated time with faults.
    pub faulty: Duration,
    /// What may be drawn.
    pub menu: Menu,
    /// These faults, at these times, instead of drawn ones.
    pub plan: Option<Plan>,
    /// Whether some clients move records in transactions. They take a third of a run's time.
    pub moves: bool,
}

impl Scenario {
    /// The usual run of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Scenario {
        let class = Class::of(seed);
        Scenario {
            seed,
            class,
            faulty: class.faulty(),
            menu: Menu::usual(),
            plan: None,
            moves: true,
        }
    }

    /// The command that runs it again.
    #[must_use]
    pub fn command(&self) -> String {
        let mut line = format!(
            "cargo run --profile sim -p kring-sim -- --any-faults --first {} --seeds 1",
            self.seed
        );
        if self.class != Class::of(self.seed) || self.faulty != self.class.faulty() {
            line += &format!(" --seconds {}", self.faulty.as_secs());
        }
        if self.menu != Menu::usual() {
            line += &format!(" --only {}", self.menu.names().join(","));
        }
        if self.plan.is_some() {
            line += " --plan <the plan>";
        }
        line
    }

    /// A run of a seed with dense faults for so many simulated seconds.
    #[must_use]
    pub fn storm(seed: u64, seconds: u64) -> Scenario {
        Scenario {
            class: Class::Storm,
            faulty: Duration::from_secs(seconds),
            ..Scenario::of(seed)
        }
    }
}
