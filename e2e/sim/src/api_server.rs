//! The toy API server with a memory of its past, so that an operator can be shown what was.
//! It applies requests one at a time; when, and whether the answer arrives, the cloud decides.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use hyper::Method;
use kring_io::Instant;
use kring_reconcile::fake_kubernetes::{Answer, Store};
use serde_json::{Value, json};

use crate::port::ApiCall;

/// How far back reads may go.
const PAST: Duration = Duration::from_secs(10);

/// Path of the cluster.
pub(crate) const CLUSTER: &str = "/apis/kring.io/v1alpha1/namespaces/shop/kafkaclusters/demo";
/// Prefix of the StatefulSets.
pub(crate) const SETS: &str = "/apis/apps/v1/namespaces/shop/statefulsets/";
/// Prefix of the pods.
pub(crate) const PODS: &str = "/api/v1/namespaces/shop/pods/";
/// Prefix of the ConfigMaps.
pub(crate) const CONFIG_MAPS: &str = "/api/v1/namespaces/shop/configmaps/";
/// Prefix of the volume claims.
pub(crate) const CLAIMS: &str = "/api/v1/namespaces/shop/persistentvolumeclaims/";

/// The API server.
#[derive(Default)]
pub(crate) struct ApiServer {
    pub(crate) store: Store,
    past: VecDeque<(Instant, BTreeMap<String, Value>)>,
}

impl ApiServer {
    /// Keeps what is now for later readers.
    pub(crate) fn remember(&mut self, now: Instant) {
        self.past.push_back((now, self.store.objects.clone()));
        while self
            .past
            .front()
            .is_some_and(|(at, _)| now.since(*at) > PAST)
        {
            self.past.pop_front();
        }
    }

    /// Answers a request as of now.
    pub(crate) fn answer(store: &mut Store, call: &ApiCall) -> Answer {
        store.answer(
            &call.method,
            &call.path,
            &call.query,
            call.body.clone(),
            call.applies,
        )
    }

    /// Answers a read with what was `lag` ago; a write cannot be told the past.
    pub(crate) fn read(&mut self, now: Instant, lag: Duration, call: &ApiCall) -> Answer {
        debug_assert_eq!(call.method, Method::GET, "only reads look back");
        let old = self
            .past
            .iter()
            .rev()
            .find(|(at, _)| now.since(*at) >= lag)
            .filter(|_| !lag.is_zero());
        match old {
            Some((_, objects)) => {
                let mut store = Store::default();
                store.objects.clone_from(objects);
                Self::answer(&mut store, call)
            }
            None => Self::answer(&mut self.store, call),
        }
    }

    /// Applies the KafkaCluster with a changed spec, as a user does.
    pub(crate) fn user(&mut self, change: impl FnOnce(&mut Value)) {
        let mut spec = self.store.objects.get(CLUSTER).map_or_else(
            || {
                json!({
                    "version": "0.1.0", "replicas": 3, "storage": {"size": "10Gi"},
                    "rollout": {"soakSeconds": 1},
                })
            },
            |object| object["spec"].clone(),
        );
        change(&mut spec);
        let object = json!({
            "apiVersion": "kring.io/v1alpha1", "kind": "KafkaCluster",
            "metadata": {"name": "demo", "namespace": "shop"}, "spec": spec,
        });
        self.store.put(CLUSTER, object);
    }

    /// Annotates the KafkaCluster.
    pub(crate) fn annotate(&mut self, key: &str, value: &str) {
        let object = json!({"metadata": {"annotations": {key: value}}});
        self.store.put(CLUSTER, object);
    }

    /// The cluster's object.
    pub(crate) fn cluster(&self) -> &Value {
        self.store.objects.get(CLUSTER).unwrap_or(&Value::Null)
    }

    /// The state of a condition of the cluster; empty when it is not there.
    pub(crate) fn condition(&self, kind: &str) -> (&str, &str) {
        let conditions = self.cluster()["status"]["conditions"].as_array();
        let found = conditions
            .into_iter()
            .flatten()
            .find(|condition| condition["type"] == kind);
        found.map_or(("", ""), |condition| {
            (
                condition["status"].as_str().unwrap_or_default(),
                condition["reason"].as_str().unwrap_or_default(),
            )
        })
    }
}
