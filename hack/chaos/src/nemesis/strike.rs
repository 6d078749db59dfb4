//! Carries a plan out: signals to processes, rules in the firewalls of their namespaces, and counts of what bit.
//! A broker that ends although nobody struck it is a violation.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{Kind, Strike};
use crate::cluster::Cluster;
use crate::interrupt;
use crate::network::{self, Other};

/// Time between looks at the plan and at the processes.
const TICK: Duration = Duration::from_millis(5);
/// How long a broker that was told to end may take before it is killed.
const TERMINATE_PATIENCE: Duration = Duration::from_secs(10);

/// What was done, and the evidence that it bit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bites {
    /// Faults begun, of each kind.
    pub(crate) faults: BTreeMap<Kind, u64>,
    /// Packets that cuts and losses dropped, of each kind.
    pub(crate) dropped_packets: BTreeMap<Kind, u64>,
    /// Ends of processes after SIGTERM with success.
    pub(crate) clean_ends: u64,
    /// Brokers that ended by themselves.
    pub(crate) violations: Vec<String>,
}

impl Bites {
    /// Adds those of another episode.
    pub(crate) fn add(&mut self, other: Bites) {
        for (kind, count) in other.faults {
            *self.faults.entry(kind).or_default() += count;
        }
        for (kind, count) in other.dropped_packets {
            *self.dropped_packets.entry(kind).or_default() += count;
        }
        self.clean_ends += other.clean_ends;
        self.violations.extend(other.violations);
    }

    /// All faults.
    pub(crate) fn total(&self) -> u64 {
        self.faults.values().sum()
    }
}

/// Carries the plan out, from now on; ends with everything healed and every broker started.
///
/// # Errors
/// When the system refuses, or the run is interrupted.
pub(crate) fn carry_out(cluster: &mut Cluster, plan: &[Strike]) -> Result<Bites, String> {
    let begun = Instant::now();
    let mut bites = Bites::default();
    let mut steps: Vec<(Duration, bool, Strike)> = plan
        .iter()
        .flat_map(|strike| [(strike.from, true, *strike), (strike.until, false, *strike)])
        .collect();
    // An end before a beginning at the same moment, so that a storm's next kill finds a process.
    steps.sort_by_key(|(at, begins, strike)| (*at, *begins && strike.from != strike.until));
    for (at, begins, strike) in steps {
        while begun.elapsed() < at {
            watch(cluster, plan, begun.elapsed(), &mut bites)?;
            sleep(TICK.min(at.saturating_sub(begun.elapsed())));
        }
        if begins {
            *bites.faults.entry(strike.kind).or_default() += 1;
            begin(cluster, &strike)?;
        } else {
            end(cluster, &strike, &mut bites)?;
        }
    }
    cluster.heal()?;
    Ok(bites)
}

/// Notes a broker that has ended by itself, and starts it again.
fn watch(
    cluster: &mut Cluster,
    plan: &[Strike],
    now: Duration,
    bites: &mut Bites,
) -> Result<(), String> {
    interrupt::check()?;
    for broker in &mut cluster.brokers {
        let told_to_end = plan.iter().any(|strike| {
            strike.kind == Kind::Terminate
                && strike.victim == broker.id
                && (strike.from..=strike.until).contains(&now)
        });
        if told_to_end {
            continue;
        }
        if let Some(status) = broker.ended() {
            bites.violations.push(format!(
                "broker {} ended by itself ({status}): {}",
                broker.id,
                broker.last_words()
            ));
            broker.start()?;
        }
    }
    Ok(())
}

fn begin(cluster: &mut Cluster, strike: &Strike) -> Result<(), String> {
    let all = cluster.brokers.len();
    let victim = strike.victim;
    let others = || (0..all).filter(move |other| *other != victim);
    match strike.kind {
        Kind::Kill | Kind::Storm => cluster.brokers[victim].kill(),
        Kind::KillAll => cluster.kill_all(),
        Kind::Pause => cluster.brokers[victim].pause(),
        Kind::Terminate => cluster.brokers[victim].terminate(),
        Kind::Isolate => {
            network::cut_from(victim, Other::Clients)?;
            for other in others() {
                network::cut_from(victim, Other::Broker(other))?;
                network::cut_to(victim, Other::Broker(other))?;
            }
        }
        Kind::Deaf => {
            for other in others() {
                network::cut_from(victim, Other::Broker(other))?;
            }
        }
        Kind::Mute => {
            for other in others() {
                network::cut_to(victim, Other::Broker(other))?;
            }
        }
        Kind::Cut => {
            network::cut_from(victim, Other::Broker(strike.other))?;
            network::cut_to(victim, Other::Broker(strike.other))?;
        }
        Kind::Hide => {
            network::cut_from(victim, Other::Clients)?;
            network::cut_to(victim, Other::Clients)?;
        }
        Kind::Loss => network::lose(victim, strike.percent)?,
    }
    Ok(())
}

fn end(cluster: &mut Cluster, strike: &Strike, bites: &mut Bites) -> Result<(), String> {
    let broker = &mut cluster.brokers[strike.victim];
    match strike.kind {
        Kind::Kill | Kind::Storm => broker.start(),
        Kind::KillAll => cluster.start_all(),
        Kind::Pause => {
            broker.resume();
            Ok(())
        }
        Kind::Terminate => {
            let status = broker.wait_for_end(TERMINATE_PATIENCE);
            bites.clean_ends += u64::from(status.is_some_and(|status| status.success()));
            broker.kill();
            broker.start()
        }
        Kind::Isolate | Kind::Deaf | Kind::Mute | Kind::Cut | Kind::Hide | Kind::Loss => {
            let dropped = network::heal(strike.victim)?;
            *bites.dropped_packets.entry(strike.kind).or_default() += dropped;
            Ok(())
        }
    }
}
