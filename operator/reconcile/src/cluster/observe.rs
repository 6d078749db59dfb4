//! What Kubernetes has of a cluster, read anew in each round.
//! It asks no broker.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use kring_crds::KafkaCluster;
use kring_resources::{labels, names};
use kube::ResourceExt;
use kube::api::{Api, ListParams, PartialObjectMeta};

use crate::context::Context;
use crate::error::Error;

/// The objects of a cluster by broker.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    /// The Secret with its keys.
    pub(super) secret: Option<Secret>,
    /// StatefulSets that stay.
    pub(super) sets: BTreeMap<i32, StatefulSet>,
    /// Brokers whose StatefulSet is being deleted.
    pub(super) leaving: Vec<i32>,
    /// Pods.
    pub(super) pods: BTreeMap<i32, Pod>,
    /// Metadata of ConfigMaps.
    pub(super) config_maps: Vec<PartialObjectMeta<ConfigMap>>,
}

/// Reads everything.
pub(super) async fn observe(context: &Context, cluster: &KafkaCluster) -> Result<Observed, Error> {
    let namespace = cluster.namespace().unwrap_or_default();
    let name = cluster.name_any();
    let client = || context.client.clone();
    let selector = labels::as_selector_text(&labels::cluster_selector(&name));
    let params = ListParams::default().labels(&selector);
    let secrets = Api::<Secret>::namespaced(client(), &namespace);
    let sets = Api::<StatefulSet>::namespaced(client(), &namespace);
    let pods = Api::<Pod>::namespaced(client(), &namespace);
    let config_maps = Api::<ConfigMap>::namespaced(client(), &namespace);
    let secret_name = names::secret(&name);
    let (secret, sets, pods, config_maps) = futures::try_join!(
        secrets.get_opt(&secret_name),
        sets.list(&params),
        pods.list(&params),
        config_maps.list_metadata(&params),
    )?;
    let mut observed = Observed {
        secret,
        config_maps: config_maps.items,
        ..Observed::default()
    };
    for set in sets {
        match broker_of(&set) {
            Some(id) if set.metadata.deletion_timestamp.is_some() => observed.leaving.push(id),
            Some(id) => {
                observed.sets.insert(id, set);
            }
            None => {}
        }
    }
    for pod in pods {
        if let Some(id) = broker_of(&pod) {
            observed.pods.insert(id, pod);
        }
    }
    Ok(observed)
}

fn broker_of(object: &impl ResourceExt) -> Option<i32> {
    object.labels().get(labels::BROKER)?.parse().ok()
}
