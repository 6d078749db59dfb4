//! A toy Kubernetes cluster: the fake API server, a StatefulSet controller with kubelet, brokers in
//! memory. One tick creates, stops or starts each pod by one step.

use std::sync::Arc;

use kring_admin_client::memory::{Memory, MemoryBroker};
use kring_crds::{KafkaCluster, KafkaClusterStatus, Topic, conditions};
use kube::api::{ObjectMeta, PartialObjectMeta, PartialObjectMetaExt};
use serde_json::{Value, json};

use crate::fake_kubernetes::FakeKubernetes;
use crate::{Context, Options};

pub(super) const CLUSTER: &str = "/apis/kring.io/v1alpha1/namespaces/shop/kafkaclusters/demo";
const SETS: &str = "/apis/apps/v1/namespaces/shop/statefulsets/";
const PODS: &str = "/api/v1/namespaces/shop/pods/";

pub(super) struct Toy {
    pub(super) kubernetes: FakeKubernetes,
    pub(super) memory: Arc<Memory>,
    runtime: tokio::runtime::Runtime,
}

impl Toy {
    pub(super) fn new() -> Self {
        let memory = Memory::new(0);
        memory.state().controller = None;
        Self {
            kubernetes: FakeKubernetes::default(),
            memory: Arc::new(memory),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
        }
    }

    /// A running cluster of three brokers.
    pub(super) fn with_cluster() -> Self {
        let toy = Self::new();
        toy.user(|spec| spec["replicas"] = json!(3));
        toy.settle();
        toy
    }

    /// Applies the KafkaCluster with a changed spec.
    pub(super) fn user(&self, change: impl FnOnce(&mut Value)) {
        let mut store = self.kubernetes.store();
        let mut spec = store.objects.get(CLUSTER).map_or_else(
            || json!({"version": "0.1.0", "storage": {"size": "10Gi"}, "rollout": {"soakSeconds": 0}}),
            |object| object["spec"].clone(),
        );
        change(&mut spec);
        let object = json!({
            "apiVersion": "kring.io/v1alpha1", "kind": "KafkaCluster",
            "metadata": {"name": "demo", "namespace": "shop"}, "spec": spec,
        });
        store.put(CLUSTER, object);
    }

    /// One reconcile of a new operator process.
    pub(super) fn reconcile(&self) {
        let context = self.context();
        let action = self
            .runtime
            .block_on(crate::cluster::reconcile(self.meta("demo"), context));
        if let Err(error) = action {
            assert!(error.is_conflict(), "{error}");
        }
    }

    /// A round in which the API server may refuse what the operator does.
    pub(super) fn try_round(&self) {
        let context = self.context();
        let _ = self
            .runtime
            .block_on(crate::cluster::reconcile(self.meta("demo"), context));
        self.tick();
    }

    pub(super) fn reconcile_topic(&self, name: &str) {
        let context = self.context();
        self.runtime
            .block_on(crate::topic::reconcile(self.meta(name), context))
            .unwrap();
    }

    /// Runs something of an operator process that knows only what it is given.
    pub(super) fn run<T>(&self, work: impl AsyncFnOnce(&Context) -> T) -> T {
        let context = self.context();
        self.runtime.block_on(work(&context))
    }

    fn context(&self) -> Arc<Context> {
        // The client starts a task.
        let _runtime = self.runtime.enter();
        let options = Options::default();
        Arc::new(Context::new(
            self.kubernetes.client(),
            self.memory.clone(),
            options,
            "operator-0".to_owned(),
        ))
    }

    fn meta<K>(&self, name: &str) -> Arc<PartialObjectMeta<K>> {
        let metadata = ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some("shop".to_owned()),
            ..ObjectMeta::default()
        };
        Arc::new(metadata.into_response_partial())
    }

    /// Reconciles and ticks until the cluster is ready and nothing is under way.
    pub(super) fn settle(&self) {
        for _ in 0..300 {
            self.round();
            let conditions = self.status().conditions;
            let is = |kind| conditions::is_true(&conditions, kind);
            if is(conditions::READY) && !is(conditions::RECONCILING) {
                return;
            }
        }
        panic!("it does not settle: {:#?}", self.status());
    }

    pub(super) fn round(&self) {
        self.reconcile();
        self.tick();
    }

    pub(super) fn status(&self) -> KafkaClusterStatus {
        self.cluster().status.unwrap_or_default()
    }

    pub(super) fn cluster(&self) -> KafkaCluster {
        serde_json::from_value(self.kubernetes.store().objects[CLUSTER].clone()).unwrap()
    }

    pub(super) fn condition(&self, kind: &str) -> Option<(String, String, String)> {
        let status = self.status();
        let condition = conditions::get(&status.conditions, kind)?;
        Some((
            condition.status.clone(),
            condition.reason.clone(),
            condition.message.clone(),
        ))
    }

    pub(super) fn topic(&self, name: &str) -> Option<Topic> {
        let object = self
            .kubernetes
            .store()
            .objects
            .get(&topic_path(name))
            .cloned()?;
        Some(serde_json::from_value(object).unwrap())
    }

    pub(super) fn apply_topic(&self, name: &str, spec: Value) {
        let object = json!({
            "apiVersion": "kring.io/v1alpha1", "kind": "Topic",
            "metadata": {"name": name, "namespace": "shop"}, "spec": spec,
        });
        self.kubernetes.store().put(&topic_path(name), object);
    }

    /// Events whose reason it is.
    pub(super) fn events(&self, reason: &str) -> Vec<String> {
        let prefix = format!("{reason}: ");
        let store = self.kubernetes.store();
        store
            .events
            .iter()
            .filter_map(|event| event.strip_prefix(&prefix).map(str::to_owned))
            .collect()
    }

    pub(super) fn paths(&self, part: &str) -> Vec<String> {
        self.kubernetes
            .store()
            .objects
            .keys()
            .filter(|path| path.contains(part))
            .cloned()
            .collect()
    }

    pub(super) fn tick(&self) {
        let mut store = self.kubernetes.store();
        let mut state = self.memory.state();
        let sets: Vec<(String, Value)> = store
            .objects
            .iter()
            .filter_map(|(path, set)| Some((path.strip_prefix(SETS)?.to_owned(), set.clone())))
            .collect();
        for (name, set) in &sets {
            let mut seen = set.clone();
            seen["status"]["observedGeneration"] = set["metadata"]["generation"].clone();
            store.save(&format!("{SETS}{name}"), seen);
            let path = format!("{PODS}{name}-0");
            if !store.objects.contains_key(&path) {
                let mut pod = set["spec"]["template"].clone();
                pod["apiVersion"] = json!("v1");
                pod["kind"] = json!("Pod");
                pod["metadata"]["name"] = json!(format!("{name}-0"));
                pod["metadata"]["namespace"] = json!("shop");
                pod["status"] = json!({"podIP": "10.0.0.1"});
                store.save(&path, pod);
            }
        }
        let pods: Vec<String> = store
            .objects
            .keys()
            .filter(|path| path.starts_with(PODS))
            .cloned()
            .collect();
        for path in pods {
            let mut pod = store.objects[&path].clone();
            let name = path
                .trim_start_matches(PODS)
                .strip_suffix("-0")
                .unwrap()
                .to_owned();
            let id: i32 = name.rsplit('-').next().unwrap().parse().unwrap();
            let orphan = !sets.iter().any(|(set, _)| *set == name);
            if orphan || !pod["metadata"]["deletionTimestamp"].is_null() {
                store.objects.remove(&path);
                let broker = state.brokers.get_mut(&id).unwrap();
                broker.alive = false;
                broker.in_sync_replicas = 0;
            } else if pod["status"]["conditions"].is_null() {
                pod["status"]["conditions"] = json!([{"type": "Ready", "status": "True"}]);
                store.save(&path, pod);
                start(state.brokers.entry(id).or_insert_with(|| empty(id)));
            }
        }
        let alive = state
            .brokers
            .iter()
            .filter(|(_, broker)| broker.alive)
            .map(|(id, _)| *id)
            .min();
        state.controller = alive;
    }
}

pub(super) fn topic_path(name: &str) -> String {
    format!("/apis/kring.io/v1alpha1/namespaces/shop/topics/{name}")
}

fn empty(id: i32) -> MemoryBroker {
    MemoryBroker {
        alive: false,
        disk_id: format!("disk-{id}"),
        boot: 0,
        maintenance: false,
        decommissioning: false,
        leaders: 2,
        preferred_leaders: 2,
        replicas: 6,
        in_sync_replicas: 0,
    }
}

fn start(broker: &mut MemoryBroker) {
    broker.alive = true;
    broker.boot += 1;
    broker.in_sync_replicas = broker.replicas;
}
