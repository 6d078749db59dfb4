//! Arguments of the operator, each also an environment variable.
//! Nothing is read from files.

use std::net::SocketAddr;

use clap::{Parser, ValueEnum};

/// Runs KafkaClusters and Topics on Kubernetes.
#[derive(Clone, Debug, Parser)]
#[command(name = "kring-operator", version)]
pub(crate) struct Args {
    /// Namespaces to watch, with commas between; all when empty.
    #[arg(long, env = "KRING_WATCH_NAMESPACES", value_delimiter = ',')]
    pub(crate) watch_namespaces: Vec<String>,
    /// Repository of the broker image; a KafkaCluster's version is the tag.
    #[arg(
        long,
        env = "KRING_BROKER_REPOSITORY",
        default_value = "kring.local/kring-broker"
    )]
    pub(crate) broker_repository: String,
    /// imagePullPolicy of the brokers; Kubernetes decides when empty.
    #[arg(long, env = "KRING_BROKER_PULL_POLICY", default_value = "")]
    pub(crate) broker_pull_policy: String,
    /// Give brokers a NetworkPolicy.
    #[arg(long, env = "KRING_NETWORK_POLICIES", default_value_t = false, action = clap::ArgAction::Set)]
    pub(crate) network_policies: bool,
    /// Namespace of the operator itself, for its lease and for NetworkPolicies.
    #[arg(long, env = "POD_NAMESPACE", default_value = "default")]
    pub(crate) namespace: String,
    /// Name of this process in leases and Events: its pod.
    #[arg(long, env = "POD_NAME", default_value = "kring-operator")]
    pub(crate) instance: String,
    /// Work only while holding the lease, so that one operator of several works.
    #[arg(long, env = "KRING_LEADER_ELECTION", default_value_t = true, action = clap::ArgAction::Set)]
    pub(crate) leader_election: bool,
    /// Name of the lease.
    #[arg(long, env = "KRING_LEASE_NAME", default_value = "kring-operator")]
    pub(crate) lease_name: String,
    /// Where /healthz, /readyz and /metrics are served.
    #[arg(long, env = "KRING_HTTP_ADDRESS", default_value = "[::]:8080")]
    pub(crate) http_address: SocketAddr,
    /// Level of the log, or a filter as tracing-subscriber reads it.
    #[arg(long, env = "KRING_LOG_LEVEL", default_value = "info")]
    pub(crate) log_level: String,
    /// Form of the log.
    #[arg(long, env = "KRING_LOG_FORMAT", value_enum, default_value = "text")]
    pub(crate) log_format: LogFormat,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_separated_by_commas_and_empty_means_all() {
        let watched = |value: &str| {
            let args =
                Args::try_parse_from(["kring-operator", "--watch-namespaces", value]).unwrap();
            args.watch_namespaces
                .into_iter()
                .filter(|name| !name.is_empty())
                .collect::<Vec<_>>()
        };
        assert_eq!(watched("a,b"), ["a", "b"]);
        assert!(watched("").is_empty());
    }
}
