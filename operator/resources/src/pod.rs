//! The pod of one broker: container, volumes, probes, security.
//! It passes the `restricted` Pod Security Standard unless the user asks for no seccomp profile.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapVolumeSource, Container, ContainerPort, EnvVar, EnvVarSource,
    HTTPGetAction, ObjectFieldSelector, PersistentVolumeClaimVolumeSource, PodSecurityContext,
    PodSpec, Probe, ResourceRequirements, SeccompProfile, SecretVolumeSource, SecurityContext,
    TopologySpreadConstraint, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kring_crds::Amount;
use kring_crds::kafka_cluster::{Io, Seccomp};

use crate::model::ValidatedCluster;
use crate::{config_map, labels, names};

/// User and group of the broker's process, as in its image.
const USER_ID: i64 = 10_001;
/// How long a broker may take to hand over and close its log.
const TERMINATION_GRACE_PERIOD_SECONDS: i64 = 300;
/// How long a broker may take to begin answering `/healthz`, in probes of one second.
const STARTUP_PROBES_MAX: i32 = 1800;

/// Builds the pod's spec.
#[must_use]
pub fn pod_spec(cluster: &ValidatedCluster, broker: i32) -> PodSpec {
    let template = &cluster.pod_template;
    let none_if_empty = |list: &[_]| (!list.is_empty()).then(|| list.to_vec());
    PodSpec {
        containers: vec![container(cluster)],
        volumes: Some(volumes(cluster, broker)),
        service_account_name: Some(names::per_cluster(&cluster.name)),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(TERMINATION_GRACE_PERIOD_SECONDS),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER_ID),
            run_as_group: Some(USER_ID),
            fs_group: Some(USER_ID),
            fs_group_change_policy: Some("OnRootMismatch".to_owned()),
            seccomp_profile: Some(seccomp(&cluster.io)),
            ..PodSecurityContext::default()
        }),
        affinity: template.affinity.clone(),
        tolerations: none_if_empty(&template.tolerations),
        topology_spread_constraints: Some(if template.topology_spread_constraints.is_empty() {
            vec![spread_over_nodes(cluster)]
        } else {
            template.topology_spread_constraints.clone()
        }),
        priority_class_name: template.priority_class_name.clone(),
        image_pull_secrets: (!template.image_pull_secrets.is_empty())
            .then(|| template.image_pull_secrets.clone()),
        ..PodSpec::default()
    }
}

fn container(cluster: &ValidatedCluster) -> Container {
    let port = |name: &str, container_port| ContainerPort {
        name: Some(name.to_owned()),
        container_port,
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    };
    Container {
        name: names::BROKER_CONTAINER.to_owned(),
        image: Some(cluster.image.clone()),
        image_pull_policy: cluster.options.image_pull_policy.clone(),
        command: Some(vec!["/usr/bin/kring-broker".to_owned()]),
        args: Some(vec![
            "--config".to_owned(),
            format!("{}/{}", names::CONFIG_DIR, names::CONFIG_FILE),
        ]),
        env: rack_env(cluster),
        ports: Some(vec![
            port(&cluster.listener_name, cluster.client_port),
            port("peer", names::PEER_PORT),
            port("admin", names::ADMIN_PORT),
            port("metrics", names::METRICS_PORT),
        ]),
        resources: Some(ResourceRequirements {
            requests: quantities(&cluster.resources.requests),
            limits: quantities(&cluster.resources.limits),
            ..ResourceRequirements::default()
        }),
        volume_mounts: Some(vec![
            mount("data", names::DATA_DIR, false),
            mount("config", names::CONFIG_DIR, true),
            mount("keys", names::SECRET_DIR, true),
        ]),
        startup_probe: Some(probe("/healthz", 1, STARTUP_PROBES_MAX)),
        // Once a second: the next broker of a rollout waits for this one.
        readiness_probe: Some(probe("/readyz", 1, 3)),
        liveness_probe: Some(probe("/healthz", 10, 6)),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".to_owned()]),
                ..Capabilities::default()
            }),
            ..SecurityContext::default()
        }),
        ..Container::default()
    }
}

/// The environment overrides the file, so the rack need not be known when the file is written.
fn rack_env(cluster: &ValidatedCluster) -> Option<Vec<EnvVar>> {
    let label = cluster.rack_label.as_ref()?;
    Some(vec![EnvVar {
        name: "KRING_BROKER_RACK".to_owned(),
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                field_path: format!("metadata.labels['{label}']"),
                ..ObjectFieldSelector::default()
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }])
}

fn volumes(cluster: &ValidatedCluster, broker: i32) -> Vec<Volume> {
    let volume = |name: &str| Volume {
        name: name.to_owned(),
        ..Volume::default()
    };
    let hash = config_map::config_hash(cluster, broker);
    vec![
        Volume {
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name: names::volume_claim(&cluster.name, broker),
                ..PersistentVolumeClaimVolumeSource::default()
            }),
            ..volume("data")
        },
        Volume {
            config_map: Some(ConfigMapVolumeSource {
                name: names::config_map(&cluster.name, broker, &hash),
                ..ConfigMapVolumeSource::default()
            }),
            ..volume("config")
        },
        Volume {
            secret: Some(SecretVolumeSource {
                secret_name: Some(names::secret(&cluster.name)),
                default_mode: Some(0o440),
                ..SecretVolumeSource::default()
            }),
            ..volume("keys")
        },
    ]
}

fn mount(name: &str, path: &str, read_only: bool) -> VolumeMount {
    VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    }
}

fn probe(path: &str, period_seconds: i32, failure_threshold: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::Int(names::METRICS_PORT),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period_seconds),
        timeout_seconds: Some(2),
        failure_threshold: Some(failure_threshold),
        ..Probe::default()
    }
}

fn seccomp(io: &Io) -> SeccompProfile {
    let type_ = match io.seccomp {
        Seccomp::RuntimeDefault => "RuntimeDefault",
        Seccomp::Localhost => "Localhost",
        Seccomp::Unconfined => "Unconfined",
    };
    SeccompProfile {
        type_: type_.to_owned(),
        localhost_profile: io.localhost_profile.clone(),
    }
}

fn spread_over_nodes(cluster: &ValidatedCluster) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        max_skew: 1,
        topology_key: "kubernetes.io/hostname".to_owned(),
        when_unsatisfiable: "ScheduleAnyway".to_owned(),
        label_selector: Some(LabelSelector {
            match_labels: Some(labels::cluster_selector(&cluster.name)),
            ..LabelSelector::default()
        }),
        ..TopologySpreadConstraint::default()
    }
}

fn quantities(amounts: &BTreeMap<String, Amount>) -> Option<BTreeMap<String, Quantity>> {
    (!amounts.is_empty()).then(|| {
        amounts
            .iter()
            .map(|(key, amount)| (key.clone(), Quantity(amount.0.clone())))
            .collect()
    })
}
