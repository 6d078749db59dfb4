//! The NetworkPolicy: clients reach the client port, only brokers the peer port, only brokers and
//! the operator the admin port. It does not restrict what brokers connect to.

use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::model::ValidatedCluster;
use crate::{labels, metadata, names};

/// Builds the policy, when the operator was started with policies on.
#[must_use]
pub fn network_policy(cluster: &ValidatedCluster) -> Option<NetworkPolicy> {
    let operator_namespace = cluster.options.network_policy.as_ref()?;
    let brokers = NetworkPolicyPeer {
        pod_selector: Some(selector(labels::cluster_selector(&cluster.name))),
        ..NetworkPolicyPeer::default()
    };
    let operator = NetworkPolicyPeer {
        namespace_selector: Some(selector(
            [(
                "kubernetes.io/metadata.name".to_owned(),
                operator_namespace.clone(),
            )]
            .into(),
        )),
        pod_selector: Some(selector(
            [("app.kubernetes.io/name".to_owned(), "kring".to_owned())].into(),
        )),
        ..NetworkPolicyPeer::default()
    };
    Some(NetworkPolicy {
        metadata: metadata::owned(cluster, names::per_cluster(&cluster.name)),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(selector(labels::cluster_selector(&cluster.name))),
            policy_types: Some(vec!["Ingress".to_owned()]),
            ingress: Some(vec![
                rule(&[cluster.client_port, names::METRICS_PORT], None),
                rule(&[names::PEER_PORT], Some(vec![brokers.clone()])),
                rule(&[names::ADMIN_PORT], Some(vec![brokers, operator])),
            ]),
            ..NetworkPolicySpec::default()
        }),
    })
}

fn selector(labels: std::collections::BTreeMap<String, String>) -> LabelSelector {
    LabelSelector {
        match_labels: Some(labels),
        ..LabelSelector::default()
    }
}

fn rule(ports: &[i32], from: Option<Vec<NetworkPolicyPeer>>) -> NetworkPolicyIngressRule {
    NetworkPolicyIngressRule {
        from,
        ports: Some(
            ports
                .iter()
                .map(|port| NetworkPolicyPort {
                    port: Some(IntOrString::Int(*port)),
                    protocol: Some("TCP".to_owned()),
                    ..NetworkPolicyPort::default()
                })
                .collect(),
        ),
    }
}
