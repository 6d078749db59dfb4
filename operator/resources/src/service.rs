//! The two Services of a cluster: one that names each pod, one that clients connect to first.
//! Neither exposes anything outside the Kubernetes cluster.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::model::ValidatedCluster;
use crate::{labels, metadata, names};

/// The headless Service. Names resolve before pods are ready, because brokers must find each other
/// to become ready.
#[must_use]
pub fn brokers(cluster: &ValidatedCluster) -> Service {
    Service {
        metadata: metadata::owned(cluster, names::brokers_service(&cluster.name)),
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".to_owned()),
            publish_not_ready_addresses: Some(true),
            selector: Some(labels::cluster_selector(&cluster.name)),
            ports: Some(vec![
                port(&cluster.listener_name, cluster.client_port),
                port("peer", names::PEER_PORT),
                port("admin", names::ADMIN_PORT),
                port("metrics", names::METRICS_PORT),
            ]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

/// The bootstrap Service: brokers that are ready.
#[must_use]
pub fn bootstrap(cluster: &ValidatedCluster) -> Service {
    Service {
        metadata: metadata::owned(cluster, names::bootstrap_service(&cluster.name)),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            selector: Some(labels::cluster_selector(&cluster.name)),
            ports: Some(vec![port(&cluster.listener_name, cluster.client_port)]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

fn port(name: &str, number: i32) -> ServicePort {
    ServicePort {
        name: Some(name.to_owned()),
        port: number,
        target_port: Some(IntOrString::Int(number)),
        protocol: Some("TCP".to_owned()),
        ..ServicePort::default()
    }
}
