//! One run of a scenario: a cluster is made, loaded, disturbed, settled and judged.
//! Seed, scenario and crash decide everything; two runs with the same are the same.

use std::collections::BTreeSet;
use std::time::Duration;

use kring_io::{BrokerId, Instant};
use kring_io_sim::{Network, NetworkConfig};
use kring_sim::checks::{self, Violation};
use kring_sim::client::consumer::Consumer;
use kring_sim::client::coordinator::Coordinator;
use kring_sim::client::creator::Creator;
use kring_sim::client::producer::Producer;
use kring_sim::history::{Happened, Mark};
use kring_sim::topics::{KEPT, OFFSETS};
use kring_sim::world::World;
use kring_sim::{setup, sweep};
use serde_json::{Value, json};

use crate::api_server::{PODS, SETS};
use crate::cloud::{Cloud, Counts};
use crate::final_state;
use crate::kubelet::Pace;
use crate::scenario::{Act, Scenario, When};
use crate::truth;

pub use crate::cloud::Crash;

/// Pause of a producer between batches.
const THINK: Duration = Duration::from_millis(100);
/// Time within which a new cluster serves.
const START_WITHIN: Duration = Duration::from_secs(120);
/// Time within which all that was asked for is done after the last disturbance.
const DONE_WITHIN: Duration = Duration::from_secs(600);
/// Time within which clients are answered after that.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
/// Brokers there can be.
const BROKERS_MAX: i32 = 4;

/// What a run gave.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Hash of everything that happened.
    pub hash: u64,
    /// Simulated time.
    pub simulated: Duration,
    /// Broken promises.
    pub violations: Vec<Violation>,
    /// Events of the history.
    pub operations: u64,
    /// Acknowledged records.
    pub acknowledged: u64,
    /// Rollouts that the operator began.
    pub rollouts: u64,
    /// Brokers that the operator stopped while they served.
    pub stops: u64,
    /// Times that the promises were compared with the whole cluster.
    pub looks: u64,
    /// Brokers that the world took away.
    pub disturbances: u64,
    /// What happened between operator and API server.
    pub counts: Counts,
    /// What is left at the end.
    pub final_state: String,
}

/// Runs a scenario.
#[must_use]
pub fn run(scenario: &Scenario, seed: u64, crash: Option<Crash>) -> Outcome {
    let mut run = Run::new(scenario, seed);
    if scenario.from_creation {
        run.cloud.crash = crash;
    }
    run.cloud
        .api
        .user(|spec| spec["replicas"] = json!(scenario.brokers));
    if run.wait(START_WITHIN, "a new cluster serves", is_done) && run.load(seed) {
        if !scenario.from_creation {
            run.cloud.counts = Counts::default();
            run.cloud.crash = crash;
        }
        run.cloud.trouble = scenario.trouble;
        run.mark(Mark::Faults);
        run.play(scenario);
        run.settle();
    }
    run.judge()
}

struct Run {
    cloud: Cloud,
    disturbances: u64,
}

impl Run {
    fn new(scenario: &Scenario, seed: u64) -> Run {
        let brokers: Vec<BrokerId> = (0..BROKERS_MAX).map(BrokerId).collect();
        let machines = brokers
            .iter()
            .map(|broker| {
                let mut machine = setup::machine(*broker, &brokers, seed);
                machine.configure("", |settings| settings.offsets_topic_num_partitions = 4);
                machine
            })
            .collect();
        let network = NetworkConfig {
            delay_ns: 50_000..1_000_000,
            break_one_in: 0,
            reconnect: Duration::from_millis(20),
        };
        let mut world = World::new(machines, Network::new(network, seed ^ 0x6e), seed ^ 0x77);
        world.supervise();
        let mut cloud = Cloud::new(world, seed ^ 0xc1);
        cloud.kubelet.pace = Pace {
            pull_ms: scenario.pull_ms,
            ..Pace::default()
        };
        cloud
            .kubelet
            .bad_images
            .insert("kring-broker:bad".to_owned());
        Run {
            cloud,
            disturbances: 0,
        }
    }

    /// Waits for something; that it does not come is a violation.
    fn wait(
        &mut self,
        within: Duration,
        what: &str,
        mut is_so: impl FnMut(&mut Cloud) -> bool,
    ) -> bool {
        let deadline = self.cloud.now() + within;
        let mut came = false;
        self.cloud.run(deadline, |cloud| {
            came = is_so(cloud);
            came
        });
        if !came {
            let status = &self.cloud.api.cluster()["status"];
            let conditions: Vec<String> = status["conditions"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|c| format!("{}={} {}", c["type"], c["status"], c["message"]))
                .collect();
            let grant = &status["rollout"]["grant"];
            let fact = format!(
                "not within {} s: {what}; {}; grant {grant}",
                within.as_secs(),
                conditions.join("; ")
            );
            let now = self.cloud.now();
            self.cloud.promises.broken("liveness", now, fact);
        }
        came
    }

    fn load(&mut self, seed: u64) -> bool {
        let brokers: Vec<BrokerId> = (0..BROKERS_MAX).map(BrokerId).collect();
        let creator = Creator::new(KEPT, 3, brokers.clone());
        self.cloud.world.add(Box::new(creator));
        let coordinator = Coordinator::new("group", brokers.clone());
        self.cloud.world.add(Box::new(coordinator));
        let made = self.wait(START_WITHIN, "topics are created", |cloud| {
            cloud.world.is_idle() && is_done(cloud)
        });
        for partition in 0..KEPT.partitions {
            let name = partition.unsigned_abs();
            let seed = seed ^ (u64::from(name) << 32);
            let producer = Producer::new(name, (KEPT, partition), brokers.clone(), THINK, seed);
            self.cloud.world.add(Box::new(producer));
            let consumer = Consumer::new(name, KEPT, partition, brokers.clone());
            self.cloud.world.add(Box::new(consumer));
        }
        let soon = self.cloud.now() + Duration::from_secs(4);
        self.cloud.run(soon, |_| false);
        made
    }

    fn play(&mut self, scenario: &Scenario) {
        for (when, act) in scenario.steps {
            let what = format!("{when:?}, for {act:?}");
            match *when {
                When::Now => {}
                When::After(ms) => {
                    let at = self.cloud.now() + Duration::from_millis(ms);
                    self.cloud.run(at, |_| false);
                }
                When::Phase(broker, phase) => {
                    // A crash may let it pass between two looks; then the step is taken at the end.
                    self.wait(DONE_WITHIN, &what, |cloud| {
                        let grant = &cloud.api.cluster()["status"]["rollout"]["grant"];
                        (grant["broker"] == broker && grant["phase"] == phase) || is_done(cloud)
                    });
                }
                When::Done => {
                    self.wait(DONE_WITHIN, &what, is_done);
                }
                When::Stalled(reason) => {
                    self.wait(DONE_WITHIN, &what, |cloud| {
                        cloud.api.condition("Stalled") == ("True", reason)
                    });
                }
            }
            self.act(*act);
        }
    }

    fn act(&mut self, act: Act) {
        let now = self.cloud.now();
        tracing::info!(at_ms = now.0 / 1_000_000, ?act, "step");
        if act.disturbs() {
            self.disturbances += 1;
            self.cloud.disturbed();
        }
        let cloud = &mut self.cloud;
        match act {
            Act::Version(version) => cloud.api.user(|spec| spec["version"] = json!(version)),
            Act::Config(key, value) => cloud.api.user(|spec| spec["config"][key] = json!(value)),
            Act::Replicas(count) => cloud.api.user(|spec| spec["replicas"] = json!(count)),
            Act::AcceptDisk => accept_disk(cloud),
            Act::Topic(topic) => {
                let brokers = (0..BROKERS_MAX).map(BrokerId).collect();
                let creator = Creator::new(topic, 3, brokers);
                cloud.world.add(Box::new(creator));
            }
            Act::NodeLoss(id) => {
                cloud.kubelet.lose_node(now, BrokerId(id), &mut cloud.world);
            }
            Act::ForceDelete(id) => {
                let (api, world) = (&mut cloud.api, &mut cloud.world);
                cloud.kubelet.force_delete(BrokerId(id), api, world);
            }
            Act::DiskLoss(id) => {
                cloud.kubelet.lose_node(now, BrokerId(id), &mut cloud.world);
                cloud.kubelet.lose_disk(BrokerId(id));
            }
            Act::Delete(id) => {
                cloud.api.store.delete(&format!("{PODS}demo-{id}-0"));
            }
        }
        cloud.notify();
    }

    /// Everything is done, then clients finish what they began.
    fn settle(&mut self) {
        if !self.wait(DONE_WITHIN, "everything is done", is_done) {
            return;
        }
        self.cloud.crash = None;
        self.cloud.trouble = crate::cloud::Trouble::default();
        self.mark(Mark::Healed);
        let soon = self.cloud.now() + Duration::from_secs(2);
        self.cloud.run(soon, |_| false);
        self.cloud.world.finish();
        let answered = self.wait(ANSWERED_WITHIN, "clients are answered", |cloud| {
            cloud.world.is_idle() && is_done(cloud)
        });
        if answered {
            self.mark(Mark::Whole);
            self.mark(Mark::Converged);
        }
        // The last high watermark still has to reach the followers, and the operator its rest.
        let rest = self.cloud.now() + Duration::from_secs(35);
        self.cloud.run(rest, |_| false);
        self.wait(ANSWERED_WITHIN, "it stays done", is_done);
    }

    fn mark(&mut self, mark: Mark) {
        let at = self.cloud.now();
        let history = &mut self.cloud.world.history;
        history.push(at, Happened::Marked { mark });
    }

    fn judge(mut self) -> Outcome {
        let final_state = final_state::describe(&mut self.cloud);
        let mut violations = std::mem::take(&mut self.cloud.promises.violations);
        let serving: BTreeSet<BrokerId> = truth::image(&mut self.cloud.world)
            .map(|image| image.brokers.keys().copied().collect())
            .unwrap_or_default();
        violations.extend(sweep::replicas_on(
            &mut self.cloud.world,
            &serving,
            &[KEPT, OFFSETS],
        ));
        violations.extend(checks::judge(&self.cloud.world.history).violations);
        let complaints = std::mem::take(&mut self.cloud.world.complaints);
        violations.extend(complaints.into_iter().map(|fact| Violation {
            check: "clients",
            fact,
        }));
        let rollout = &self.cloud.api.cluster()["status"]["rollout"];
        let rollouts = rollout["id"].as_u64().unwrap_or_default();
        let history = &self.cloud.world.history;
        Outcome {
            hash: self.cloud.hash(),
            simulated: self.cloud.now().since(Instant(0)),
            operations: history.operations() as u64,
            acknowledged: history.acknowledged() as u64,
            rollouts,
            stops: self.cloud.promises.deletions,
            looks: self.cloud.promises.looks,
            disturbances: self.disturbances,
            counts: self.cloud.counts,
            violations,
            final_state,
        }
    }
}

/// The user does what the status says.
fn accept_disk(cloud: &mut Cloud) {
    let grant = &cloud.api.cluster()["status"]["rollout"]["grant"];
    let message = grant["message"].as_str().unwrap_or_default();
    if let Some((_, value)) = message.split_once("kring.io/accept-disk: ") {
        let value = value.to_owned();
        cloud.api.annotate("kring.io/accept-disk", &value);
    }
}

/// The cluster says that it is as asked for, and it is.
fn is_done(cloud: &mut Cloud) -> bool {
    let cluster = cloud.api.cluster();
    let is_seen = cluster["status"]["observedGeneration"] == cluster["metadata"]["generation"];
    let says = is_seen
        && cloud.api.condition("Ready").0 == "True"
        && cloud.api.condition("DataSafe").0 == "True"
        && cloud.api.condition("Reconciling").0 != "True"
        && cloud.api.condition("Stalled").0 != "True";
    if !says {
        return false;
    }
    let wanted = cluster["spec"]["replicas"].as_u64().unwrap_or_default();
    let version = cluster["spec"]["version"].clone();
    is_as_asked(cloud, wanted, &version)
}

fn is_as_asked(cloud: &mut Cloud, wanted: u64, version: &Value) -> bool {
    let count = |prefix: &str, is: &dyn Fn(&Value) -> bool| {
        let objects = cloud.api.store.objects.iter();
        let found = objects.filter(|(path, object)| path.starts_with(prefix) && is(object));
        found.count() as u64
    };
    let label = |object: &Value| object["metadata"]["labels"]["app.kubernetes.io/version"].clone();
    let pods = count(PODS, &|pod| {
        pod["status"]["conditions"][0]["status"] == "True" && label(pod) == *version
    });
    let sets = count(SETS, &|_| true);
    if pods != wanted || count(PODS, &|_| true) != wanted || sets != wanted {
        return false;
    }
    let Some(image) = truth::image(&mut cloud.world) else {
        return false;
    };
    let is_in_sync = truth::partitions(&image).all(|(_, partition)| {
        partition.leader.is_some() && partition.isr.len() == partition.replicas.len()
    });
    let serve = image.brokers.values().all(|broker| {
        !broker.fenced && broker.maintenance.is_none() && *version == broker.version.as_str()
    });
    is_in_sync && serve && image.brokers.len() as u64 == wanted
}
