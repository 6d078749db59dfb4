//! Names of the objects and addresses of a cluster, all in one place.
//! It knows nothing of what is inside the objects.

/// Port on which brokers speak to each other.
pub const PEER_PORT: i32 = 9093;
/// Port of the admin API.
pub const ADMIN_PORT: i32 = 9644;
/// Port of `/metrics`, `/healthz` and `/readyz`.
pub const METRICS_PORT: i32 = 9645;
/// Name of the broker's container.
pub const BROKER_CONTAINER: &str = "broker";
/// Where a broker keeps its data.
pub const DATA_DIR: &str = "/var/lib/kring";
/// Folder of the broker's configuration file.
pub const CONFIG_DIR: &str = "/etc/kring";
/// Name of the broker's configuration file.
pub const CONFIG_FILE: &str = "broker.toml";
/// Folder of the broker's secrets.
pub const SECRET_DIR: &str = "/etc/kring-secret";
/// Key of the secret with which brokers know each other.
pub const PEER_SECRET: &str = "peer-secret";
/// Key of the token with which the operator calls the admin API.
pub const ADMIN_TOKEN: &str = "admin-token";

/// StatefulSet of a broker.
#[must_use]
pub fn stateful_set(cluster: &str, broker: i32) -> String {
    format!("{cluster}-{broker}")
}

/// Pod of a broker.
#[must_use]
pub fn pod(cluster: &str, broker: i32) -> String {
    format!("{cluster}-{broker}-0")
}

/// Volume claim of a broker.
#[must_use]
pub fn volume_claim(cluster: &str, broker: i32) -> String {
    format!("{cluster}-{broker}-data")
}

/// ConfigMap of a broker. Its name follows its content, so that a pod that restarts by itself in the
/// middle of a rollout finds the settings it had.
#[must_use]
pub fn config_map(cluster: &str, broker: i32, hash: &str) -> String {
    format!("{cluster}-{broker}-config-{hash}")
}

/// Headless Service that gives each pod its name.
#[must_use]
pub fn brokers_service(cluster: &str) -> String {
    format!("{cluster}-brokers")
}

/// Service that clients connect to first.
#[must_use]
pub fn bootstrap_service(cluster: &str) -> String {
    format!("{cluster}-bootstrap")
}

/// Secret with the keys of the cluster.
#[must_use]
pub fn secret(cluster: &str) -> String {
    format!("{cluster}-keys")
}

/// Disruption budget, service account and network policy.
#[must_use]
pub fn per_cluster(cluster: &str) -> String {
    format!("{cluster}-brokers")
}

/// DNS name of a broker's pod.
#[must_use]
pub fn pod_host(cluster: &str, namespace: &str, broker: i32) -> String {
    format!(
        "{}.{}.{namespace}.svc",
        pod(cluster, broker),
        brokers_service(cluster)
    )
}
