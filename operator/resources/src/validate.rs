//! From a KafkaCluster to a `ValidatedCluster`, or to everything that is wrong with it.
//! Rules the API server enforces are checked again: an old CRD may still be installed.

use kring_crds::KafkaCluster;
use kring_crds::kafka_cluster::{Listener, PodTemplate, Resources, Seccomp};
use kring_crds::{Amount, kafka_cluster::MetadataTemplate};

use crate::model::{Options, ValidatedCluster};
use crate::refusal::Refusals;
use crate::{labels, metadata, settings};

/// Most voters a new cluster starts with.
const VOTERS_MAX: i32 = 3;
/// Most brokers of a cluster, as in the CRD.
const BROKERS_MAX: i32 = 100;

/// What is known about a cluster besides its spec.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Members of the metadata quorum, chosen when the cluster was created; none for a new cluster.
    pub voters: Option<Vec<i32>>,
}

/// Checks a cluster.
///
/// # Errors
/// Everything that is wrong, each with a reason and what is allowed.
pub fn validate(
    cluster: &KafkaCluster,
    facts: &Facts,
    options: &Options,
) -> Result<ValidatedCluster, Refusals> {
    let mut refusals = Refusals::default();
    let spec = &cluster.spec;
    let name = cluster.metadata.name.clone().unwrap_or_default();
    check_name(&name, &mut refusals);
    let voters = facts
        .voters
        .clone()
        .unwrap_or_else(|| voters_of_new_cluster(spec.replicas));
    check_replicas(spec.replicas, &voters, &mut refusals);
    check_io(cluster, &mut refusals);
    let listener = check_listeners(&spec.listeners, &mut refusals);
    let pod_template = spec
        .template
        .as_ref()
        .and_then(|template| template.pod.clone())
        .unwrap_or_default();
    check_metadata(pod_template.metadata.as_ref(), &mut refusals);
    let settings = settings::broker_settings(&spec.config, spec.replicas, &mut refusals);
    if !refusals.0.is_empty() {
        return Err(refusals);
    }
    Ok(ValidatedCluster {
        owner: metadata::owner(cluster),
        namespace: cluster
            .metadata
            .namespace
            .clone()
            .unwrap_or_else(|| "default".to_owned()),
        name,
        options: options.clone(),
        version: spec.version.clone(),
        image: spec
            .image
            .clone()
            .unwrap_or_else(|| format!("{}:{}", options.broker_repository, spec.version)),
        replicas: spec.replicas,
        voters,
        storage_size: spec.storage.size.clone(),
        storage_class: spec.storage.storage_class_name.clone(),
        reclaim: spec.storage.reclaim,
        deletion: spec.deletion_policy,
        resources: with_defaults(spec.resources.clone().unwrap_or_default()),
        static_config: settings.fixed,
        dynamic_config: settings.dynamic,
        listener_name: listener.name,
        client_port: listener.port,
        io: spec.io.clone().unwrap_or_default(),
        rack_label: spec.rack.as_ref().map(|rack| rack.pod_label.clone()),
        pod_template: PodTemplate { ..pod_template },
        rollout: spec.rollout.clone().unwrap_or_default(),
        restart: cluster
            .metadata
            .annotations
            .as_ref()
            .and_then(|annotations| annotations.get(labels::RESTART).cloned()),
    })
}

/// An even quorum tolerates no more failures than the odd one below it, so two brokers have one voter.
fn voters_of_new_cluster(replicas: i32) -> Vec<i32> {
    if replicas < VOTERS_MAX {
        vec![0]
    } else {
        (0..VOTERS_MAX).collect()
    }
}

fn check_name(name: &str, refusals: &mut Refusals) {
    let service_name = name.len() <= 40
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !service_name {
        refusals.push(
            "InvalidName",
            format!("name {name}: a KafkaCluster's name becomes the name of a Service; start with a letter, use only a-z, 0-9 and -, and at most 40 characters"),
        );
    }
}

fn check_replicas(replicas: i32, voters: &[i32], refusals: &mut Refusals) {
    if replicas < 1 {
        refusals.push(
            "InvalidReplicas",
            format!("replicas {replicas}: a cluster has at least 1 broker; to remove the cluster delete the object"),
        );
        return;
    }
    if replicas > BROKERS_MAX {
        refusals.push(
            "InvalidReplicas",
            format!("replicas {replicas}: a cluster has at most {BROKERS_MAX} brokers"),
        );
    }
    let last_voter = voters.iter().copied().max().unwrap_or(0);
    if replicas <= last_voter {
        refusals.push(
            "ScaleDownBelowVoters",
            format!(
                "replicas {replicas}: brokers {voters:?} form the metadata quorum, which was chosen when the cluster was created; set replicas to {} or more",
                last_voter + 1
            ),
        );
    }
}

fn check_io(cluster: &KafkaCluster, refusals: &mut Refusals) {
    let io = cluster.spec.io.clone().unwrap_or_default();
    if (io.seccomp == Seccomp::Localhost) != io.localhost_profile.is_some() {
        refusals.push(
            "InvalidIo",
            "io: localhostProfile goes with seccomp: Localhost, and only with it".to_owned(),
        );
    }
}

fn check_listeners(listeners: &[Listener], refusals: &mut Refusals) -> Listener {
    let default = Listener::defaults().remove(0);
    match listeners {
        [] => default,
        [one] => one.clone(),
        _ => {
            refusals.push(
                "InvalidListeners",
                "listeners: this version serves one listener; keep the first".to_owned(),
            );
            default
        }
    }
}

fn check_metadata(metadata: Option<&MetadataTemplate>, refusals: &mut Refusals) {
    let Some(metadata) = metadata else { return };
    for key in metadata.labels.keys().chain(metadata.annotations.keys()) {
        if labels::is_reserved(key) {
            refusals.push(
                "ReservedLabel",
                format!("template.pod.metadata: {key} is set by the operator; use another key"),
            );
        }
    }
}

/// Memory is limited and CPU is not: a broker bounds its own memory, and a throttled broker stalls
/// every client.
fn with_defaults(mut resources: Resources) -> Resources {
    let default = |map: &mut std::collections::BTreeMap<String, Amount>, key: &str, value: &str| {
        map.entry(key.to_owned())
            .or_insert_with(|| Amount::from(value));
    };
    if resources.limits.is_empty() && !resources.requests.contains_key("memory") {
        default(&mut resources.limits, "memory", "512Mi");
        default(&mut resources.requests, "memory", "256Mi");
    }
    default(&mut resources.requests, "cpu", "100m");
    resources
}

#[cfg(test)]
mod tests;
