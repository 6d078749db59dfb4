//! A toy StatefulSet controller, garbage collector, scheduler and kubelet over the simulated machines.
//! It knows nothing of Kafka: a process is started, probed, asked to end, and killed after its grace.

mod pods;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kring_io::{BrokerId, Instant, Random};
use kring_sim::world::World;
use serde_json::{Value, json};

use crate::api_server::{ApiServer, CLAIMS, CONFIG_MAPS, PODS, SETS};
use pods::{paths, set_of, set_ready, set_running, set_waiting, text, uid_of};

/// Pace of the readiness probe, and how many failures in a row take the readiness away.
const PROBE_EVERY: Duration = Duration::from_secs(1);
const PROBE_FAILURES_MAX: u32 = 3;
/// Pause before a container that ended by itself is started again.
const BACK_OFF: Duration = Duration::from_secs(2);

/// How slow things are: milliseconds, drawn up to these.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) create_ms: u64,
    pub(crate) pull_ms: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            create_ms: 400,
            pull_ms: 500,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The image is pulled until then.
    Pulling(Instant),
    /// It waits for something that may never come.
    Stuck,
    /// The process runs; the next probe is then.
    Running { probe_at: Instant, failures: u32 },
    /// It ended by itself; it starts again then.
    BackOff(Instant),
    /// It was asked to end and is killed then.
    Stopping(Instant),
    /// It has ended; the pod's object goes then.
    Ended(Instant),
    /// Its node is gone, which Kubernetes notices halfway; the pod's object goes then.
    Lost {
        noticed_at: Instant,
        gone_at: Instant,
    },
}

/// A pod as its node sees it.
#[derive(Clone, Debug)]
struct Container {
    broker: BrokerId,
    stage: Stage,
    ip: String,
}

/// The controllers and nodes of a toy Kubernetes.
pub(crate) struct Kubelet {
    pub(crate) pace: Pace,
    /// Images that cannot be pulled.
    pub(crate) bad_images: BTreeSet<String>,
    /// What each broker's process was last started with: its version and its settings.
    pub(crate) running: BTreeMap<BrokerId, (String, String)>,
    containers: BTreeMap<String, Container>,
    /// When a StatefulSet's change is seen, by name and generation.
    seen_at: BTreeMap<(String, i64), Instant>,
    /// When a StatefulSet's missing pod is made.
    made_at: BTreeMap<String, Instant>,
    /// Volume claims whose disk a machine has, by broker.
    disks: BTreeMap<BrokerId, String>,
    pods_made: u64,
    random: Random,
}

impl Kubelet {
    /// Nodes without pods.
    pub(crate) fn new(seed: u64) -> Kubelet {
        Kubelet {
            pace: Pace::default(),
            bad_images: BTreeSet::new(),
            running: BTreeMap::new(),
            containers: BTreeMap::new(),
            seen_at: BTreeMap::new(),
            made_at: BTreeMap::new(),
            disks: BTreeMap::new(),
            pods_made: 0,
            random: Random::new(seed),
        }
    }

    /// The broker that runs at a pod's address.
    pub(crate) fn at(&self, host: &str) -> Option<BrokerId> {
        self.containers
            .values()
            .find(|container| container.ip == host)
            .map(|container| container.broker)
    }

    /// One step of every controller and node.
    pub(crate) fn tick(&mut self, now: Instant, api: &mut ApiServer, world: &mut World) {
        self.look_at_sets(now, api);
        let pods = paths(api, PODS);
        for path in &pods {
            let set = set_of(path);
            let is_terminating =
                !api.store.objects[path]["metadata"]["deletionTimestamp"].is_null();
            if !api.store.objects.contains_key(&format!("{SETS}{set}")) && !is_terminating {
                api.store.delete(path);
            }
            self.look_at_pod(now, path, api, world);
        }
        let gone: Vec<String> = self
            .containers
            .keys()
            .filter(|uid| !pods.iter().any(|path| uid_of(api, path) == **uid))
            .cloned()
            .collect();
        for uid in gone {
            // Its object was taken away by force: nothing keeps the process.
            if let Some(container) = self.containers.remove(&uid)
                && !self
                    .containers
                    .values()
                    .any(|c| c.broker == container.broker)
            {
                world.power_off(container.broker);
            }
        }
    }

    /// Takes a pod away by force: its object is gone and its process with it.
    pub(crate) fn force_delete(
        &mut self,
        broker: BrokerId,
        api: &mut ApiServer,
        world: &mut World,
    ) {
        self.containers
            .retain(|_, container| container.broker != broker);
        world.power_off(broker);
        api.store.remove(&format!("{PODS}demo-{broker}-0"));
    }

    /// Takes a broker's node away: the process dies at once, and Kubernetes learns of it later.
    pub(crate) fn lose_node(&mut self, now: Instant, broker: BrokerId, world: &mut World) {
        world.power_off(broker);
        for container in self.containers.values_mut() {
            if container.broker == broker {
                let noticed_at = now + Duration::from_secs(5);
                let gone_at = now + Duration::from_secs(10);
                container.stage = Stage::Lost {
                    noticed_at,
                    gone_at,
                };
            }
        }
    }

    /// Loses a broker's disk: the next process finds an empty one.
    pub(crate) fn lose_disk(&mut self, broker: BrokerId) {
        self.disks.remove(&broker);
    }

    fn look_at_sets(&mut self, now: Instant, api: &mut ApiServer) {
        for path in paths(api, SETS) {
            let name = path[SETS.len()..].to_owned();
            let mut set = api.store.objects[&path].clone();
            let generation = set["metadata"]["generation"].as_i64().unwrap_or_default();
            if set["status"]["observedGeneration"].as_i64() != Some(generation) {
                let delay = self.draw(300);
                let at = *self
                    .seen_at
                    .entry((name.clone(), generation))
                    .or_insert(now + delay);
                if at > now {
                    continue;
                }
                set["status"]["observedGeneration"] = json!(generation);
                api.store.save(&path, set.clone());
            }
            let pod_path = format!("{PODS}{name}-0");
            if api.store.objects.contains_key(&pod_path) {
                self.made_at.remove(&name);
                continue;
            }
            let delay = self.draw(self.pace.create_ms);
            let at = *self.made_at.entry(name.clone()).or_insert(now + delay);
            if at <= now {
                self.make_pod(&name, &pod_path, &set, api);
            }
        }
    }

    fn make_pod(&mut self, name: &str, path: &str, set: &Value, api: &mut ApiServer) {
        self.pods_made += 1;
        let mut pod = set["spec"]["template"].clone();
        pod["apiVersion"] = json!("v1");
        pod["kind"] = json!("Pod");
        pod["metadata"]["name"] = json!(format!("{name}-0"));
        pod["metadata"]["namespace"] = json!("shop");
        let (high, low) = (self.pods_made / 250, self.pods_made % 250);
        pod["status"] = json!({"podIP": format!("10.0.{high}.{low}")});
        api.store.save(path, pod);
    }

    fn look_at_pod(&mut self, now: Instant, path: &str, api: &mut ApiServer, world: &mut World) {
        let pod = api.store.objects[path].clone();
        let uid = text(&pod["metadata"]["uid"]);
        if !self.containers.contains_key(&uid) {
            let id: i32 = text(&pod["metadata"]["labels"]["kring.io/broker-id"])
                .parse()
                .expect("the operator labels its pods with the broker's id");
            let container = Container {
                broker: BrokerId(id),
                stage: Stage::Pulling(now + self.draw(self.pace.pull_ms)),
                ip: text(&pod["status"]["podIP"]),
            };
            self.containers.insert(uid.clone(), container);
        }
        let Container { broker, stage, .. } = self.containers[&uid].clone();
        let is_up = world.machine(broker).is_some_and(|machine| machine.is_up());
        let is_terminating = !pod["metadata"]["deletionTimestamp"].is_null();
        let next = match stage {
            Stage::Stopping(_) if !is_up => Stage::Ended(now + Duration::from_millis(200)),
            Stage::Stopping(at) if at <= now => {
                world.power_off(broker);
                Stage::Ended(now + Duration::from_millis(200))
            }
            Stage::Ended(at) | Stage::Lost { gone_at: at, .. } if at <= now => {
                self.containers.remove(&uid);
                api.store.remove(path);
                return;
            }
            Stage::Lost { noticed_at, .. } if noticed_at <= now => {
                set_ready(api, path, false);
                stage
            }
            Stage::Stopping(_) | Stage::Ended(_) | Stage::Lost { .. } => stage,
            _ if is_terminating => self.stop(now, broker, &pod, is_up, world),
            Stage::Pulling(at) | Stage::BackOff(at) if at > now => stage,
            Stage::Pulling(_) | Stage::BackOff(_) | Stage::Stuck => {
                self.start(now, broker, path, &pod, api, world)
            }
            Stage::Running { .. } if !is_up => {
                set_ready(api, path, false);
                Stage::BackOff(now + BACK_OFF)
            }
            Stage::Running { probe_at, .. } if probe_at > now => stage,
            Stage::Running { failures, .. } => probe(now, broker, path, failures, api, world),
        };
        if let Some(container) = self.containers.get_mut(&uid) {
            container.stage = next;
        }
    }

    fn stop(
        &mut self,
        now: Instant,
        broker: BrokerId,
        pod: &Value,
        is_up: bool,
        world: &mut World,
    ) -> Stage {
        if !is_up {
            return Stage::Ended(now + Duration::from_millis(200));
        }
        world.terminate(broker);
        let grace_s = pod["spec"]["terminationGracePeriodSeconds"]
            .as_u64()
            .unwrap_or(30);
        Stage::Stopping(now + Duration::from_secs(grace_s))
    }

    /// Starts the process, when its image, settings and volume are there.
    fn start(
        &mut self,
        now: Instant,
        broker: BrokerId,
        path: &str,
        pod: &Value,
        api: &mut ApiServer,
        world: &mut World,
    ) -> Stage {
        let image = text(&pod["spec"]["containers"][0]["image"]);
        if self.bad_images.contains(&image) {
            set_waiting(api, path, "ImagePullBackOff");
            return Stage::Stuck;
        }
        let volumes = pod["spec"]["volumes"].as_array();
        let named = |kind: &str, field: &str| {
            let found = volumes.into_iter().flatten().find(|v| !v[kind].is_null());
            text(&found.unwrap_or(&Value::Null)[kind][field])
        };
        let config_map = format!("{CONFIG_MAPS}{}", named("configMap", "name"));
        let claim = format!("{CLAIMS}{}", named("persistentVolumeClaim", "claimName"));
        let (Some(config), Some(claim)) = (
            api.store.objects.get(&config_map),
            api.store.objects.get(&claim),
        ) else {
            set_waiting(api, path, "CreateContainerConfigError");
            return Stage::Stuck;
        };
        let config = text(&config["data"]["broker.toml"]);
        let claim = text(&claim["metadata"]["uid"]);
        let version = text(&pod["metadata"]["labels"]["app.kubernetes.io/version"]);
        if let Some(machine) = world.machine(broker) {
            if self.disks.get(&broker) != Some(&claim) {
                self.disks.insert(broker, claim);
                machine.replace_disk();
            }
            let voters = voters(&config);
            machine.configure(&version, |settings| settings.voters = voters);
        }
        self.running.insert(broker, (version, config));
        world.start_now(broker);
        set_running(api, path);
        Stage::Running {
            probe_at: now + PROBE_EVERY,
            failures: 0,
        }
    }

    fn draw(&mut self, most_ms: u64) -> Duration {
        Duration::from_millis(20 + self.random.below(most_ms.max(1)))
    }
}

fn probe(
    now: Instant,
    broker: BrokerId,
    path: &str,
    failures: u32,
    api: &mut ApiServer,
    world: &mut World,
) -> Stage {
    let is_ready = world
        .machine(broker)
        .and_then(|machine| Some(machine.broker()?.not_ready_reason().is_none()))
        .unwrap_or_default();
    let failures = if is_ready { 0 } else { failures + 1 };
    if is_ready || failures >= PROBE_FAILURES_MAX {
        set_ready(api, path, is_ready);
    }
    Stage::Running {
        probe_at: now + PROBE_EVERY,
        failures,
    }
}

/// `controller.quorum.voters`, from `id@host:port,...`; the simulated network goes by ids.
fn voters(config: &str) -> Vec<(BrokerId, String)> {
    let table: toml::Table = config.parse().expect("the operator writes TOML");
    let voters = table["controller.quorum.voters"]
        .as_str()
        .expect("the voters are text");
    voters
        .split(',')
        .map(|voter| {
            let (id, address) = voter.split_once('@').expect("a voter is id@host:port");
            let id = id.parse().expect("an id is a number");
            (BrokerId(id), address.to_owned())
        })
        .collect()
}
