//! What must hold at every moment of a run: at each deletion of a serving broker, and in between.
//! What clients were promised is checked by `kring_sim::checks` at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kring_controller::ClusterImage;
use kring_io::{BrokerId, Instant};
use kring_sim::checks::Violation;
use kring_sim::world::World;

use crate::api_server::ApiServer;
use crate::truth;

/// After a fault of the world, what the controller says may be older than the fault: until its
/// session and lag limits have passed, nobody can know better.
const UNKNOWING: Duration = Duration::from_secs(8);
/// After a fault of the world, a partition may be short of replicas this long through no act of ours.
const RECOVERING: Duration = Duration::from_secs(30);
/// A broker that is unfenced for less is just starting and serves nobody yet.
const STARTING: Duration = Duration::from_secs(3);

/// The promises of a run, and how often they were put to the test.
#[derive(Default)]
pub(crate) struct Promises {
    pub(crate) violations: Vec<Violation>,
    /// Serving brokers whose pod the operator deleted.
    pub(crate) deletions: u64,
    /// Looks at the whole cluster.
    pub(crate) looks: u64,
    disturbed_at: Option<Instant>,
    serving_since: BTreeMap<BrokerId, Instant>,
    told: BTreeSet<String>,
}

impl Promises {
    /// Something happened to the cluster that is not the operator's doing.
    pub(crate) fn disturbed(&mut self, now: Instant) {
        self.disturbed_at = Some(now);
    }

    fn is_disturbed(&self, now: Instant, within: Duration) -> bool {
        self.disturbed_at.is_some_and(|at| now.since(at) < within)
    }

    /// Records a broken promise, once.
    pub(crate) fn broken(&mut self, check: &'static str, now: Instant, fact: String) {
        if self.told.insert(format!("{check} {fact}")) {
            let fact = format!("at {} ms: {fact}", now.0 / 1_000_000);
            self.violations.push(Violation { check, fact });
        }
    }

    /// Looks at the cluster.
    pub(crate) fn look(&mut self, now: Instant, world: &mut World) {
        let Some(image) = truth::image(world) else {
            return;
        };
        self.looks += 1;
        for (id, broker) in &image.brokers {
            let is_up = world.machine(*id).is_some_and(|machine| machine.is_up());
            if broker.fenced || broker.shutting_down || !is_up {
                self.serving_since.remove(id);
            } else {
                self.serving_since.entry(*id).or_insert(now);
            }
        }
        let resting: Vec<i32> = image
            .brokers
            .iter()
            .filter(|(_, broker)| broker.maintenance.is_some())
            .map(|(id, _)| id.0)
            .collect();
        if resting.len() > 1 {
            self.broken(
                "one grant",
                now,
                format!("brokers {resting:?} are in maintenance at once"),
            );
        }
        if self.is_disturbed(now, RECOVERING) {
            return;
        }
        for (name, partition) in truth::partitions(&image) {
            if partition.leader.is_none() {
                self.broken("never offline", now, format!("{name} has no leader"));
            } else if partition.isr.len() < truth::min_isr(partition) {
                self.broken(
                    "never below min ISR",
                    now,
                    format!("{name} has the ISR {:?}", partition.isr),
                );
            }
        }
    }

    /// The operator deletes the pod of a broker; called just before it takes effect.
    pub(crate) fn at_deletion(
        &mut self,
        now: Instant,
        broker: BrokerId,
        world: &mut World,
        api: &ApiServer,
    ) {
        let serves = self
            .serving_since
            .get(&broker)
            .is_some_and(|since| now.since(*since) >= STARTING);
        if !serves {
            return;
        }
        self.deletions += 1;
        let grant = &api.cluster()["status"]["rollout"]["grant"];
        if grant["broker"] != broker.0 || grant["phase"] != "Stop" {
            let fact = format!("broker {broker} is stopped with the grant {grant}");
            self.broken("one grant", now, fact);
        }
        let Some(image) = truth::image(world) else {
            let fact = format!("broker {broker} is stopped while nobody is the controller");
            if !self.is_disturbed(now, UNKNOWING) {
                self.broken("stopped with a controller", now, fact);
            }
            return;
        };
        for (check, fact) in harm(broker, &image, world) {
            if !self.is_disturbed(now, UNKNOWING) {
                self.broken(check, now, fact);
            }
        }
    }
}

/// What the stop of a broker harms.
fn harm(broker: BrokerId, image: &ClusterImage, world: &mut World) -> Vec<(&'static str, String)> {
    let mut harm = Vec::new();
    for (name, partition) in truth::partitions(image) {
        if partition.leader == Some(broker) {
            harm.push((
                "stopped without leaders",
                format!("broker {broker} is stopped while it leads {name}"),
            ));
        }
        let others = |list: &[BrokerId]| list.iter().filter(|id| **id != broker).count();
        if others(&partition.isr) < others(&partition.replicas) {
            harm.push((
                "every other replica in sync",
                format!(
                    "broker {broker} is stopped while {name} has the ISR {:?} of {:?}",
                    partition.isr, partition.replicas
                ),
            ));
        }
        if others(&partition.isr) < truth::min_isr(partition) {
            harm.push((
                "never below min ISR",
                format!("without broker {broker} {name} has too few in sync"),
            ));
        }
    }
    for (id, other) in &image.brokers {
        let is_up = world.machine(*id).is_some_and(|machine| machine.is_up());
        // A broker that was emptied and is stopped for good is not missed.
        let holds = truth::partitions(image).any(|(_, p)| p.replicas.contains(id));
        if *id != broker && holds && (other.fenced || !is_up) {
            harm.push((
                "one broker down",
                format!("broker {broker} is stopped while broker {id} is down"),
            ));
        }
    }
    harm
}
