//! Every metric that the dashboard and the alerts of the chart name is really exported.
//! What the metrics count is tested where they are counted.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::time::Duration;

use kring_e2e::load::{Client, Shape};
use kring_e2e::{Cluster, Kafka, Load, Namespace, install, waiting};

const DASHBOARD: &str = include_str!("../../charts/kring/dashboards/kring.json");
const RULES: &str = include_str!("../../charts/kring/rules/kring.yaml");

/// Words of a text that look like one of our metrics.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("kring_") || word.starts_with("kafka_"))
        .collect()
}

/// The expressions of the dashboard and the rules; nothing else in them counts.
fn named() -> BTreeSet<String> {
    fn expressions(value: &serde_json::Value, found: &mut String) {
        match value {
            serde_json::Value::Object(fields) => {
                for (key, value) in fields {
                    match value {
                        serde_json::Value::String(text) if key == "expr" || key == "query" => {
                            found.push_str(text);
                            found.push(' ');
                        }
                        _ => expressions(value, found),
                    }
                }
            }
            serde_json::Value::Array(items) => {
                items.iter().for_each(|item| expressions(item, found));
            }
            _ => {}
        }
    }
    let mut text = String::new();
    expressions(&serde_json::from_str(DASHBOARD).unwrap(), &mut text);
    for line in RULES.lines().map(str::trim) {
        if let Some(expression) = line.strip_prefix("expr: ") {
            text.push_str(expression);
            text.push(' ');
        }
    }
    metrics_in(&text).into_iter().map(str::to_owned).collect()
}

/// Time for a scrape to show what just happened.
const SOON: Duration = Duration::from_secs(90);

fn scrape(cluster: &Cluster, namespace: &str, pod: &str, port: u16) -> String {
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy/metrics");
    cluster.kubectl(&["get", "--raw", &path]).unwrap()
}

#[test]
fn dashboard_and_alerts_name_metrics_of_operator_and_brokers() {
    let named = named();
    assert!(named.len() > 20, "{named:?}");
    assert!(named.contains("kring_operator_cluster_ready"));
    assert!(named.contains("kring_log_flush_seconds_total"));
    assert!(!named.contains("kring_"), "a metric is built of parts");
}

#[test]
#[ignore = "needs a Kubernetes: e2e/run"]
fn every_metric_of_dashboard_and_alerts_is_exported() {
    let cluster = Cluster::connect().unwrap();
    install::by_helm(&cluster).unwrap();
    let namespace = Namespace::create(&cluster, "metrics").unwrap();
    let kafka = Kafka::quickstart(&namespace).unwrap();
    let shape = Shape {
        client: Client::Librdkafka,
        records: 2_000,
        rate: 200,
        until_finished: true,
    };
    // Connections and lags are told of while somebody is connected and reads.
    let load = Load::start(&kafka, shape).unwrap();
    load.wait_acknowledged(500, SOON).unwrap();
    waiting::until("every metric", SOON, || {
        let missing = missing(&cluster, &namespace);
        if missing.is_empty() {
            Ok(())
        } else {
            Err(format!("missing are {missing:?}"))
        }
    })
    .unwrap();
    let report = load.finish(SOON).unwrap();
    assert_eq!(report.violations(), Vec::<String>::new());
}

/// What is named and exported by nobody now.
fn missing(cluster: &Cluster, namespace: &Namespace) -> Vec<String> {
    let operators = cluster
        .kubectl(&[
            "--namespace",
            install::OPERATOR_NAMESPACE,
            "get",
            "pods",
            "--selector=app.kubernetes.io/name=kring",
            "--field-selector=status.phase=Running",
            "--output=jsonpath={.items[*].metadata.name}",
        ])
        .unwrap();
    let mut text = String::new();
    for pod in operators.split_whitespace() {
        text += &scrape(cluster, install::OPERATOR_NAMESPACE, pod, 8080);
    }
    for pod in ["demo-0-0", "demo-1-0", "demo-2-0"] {
        text += &scrape(cluster, namespace.name(), pod, 9645);
    }
    let samples: String = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .fold(String::new(), |all, line| all + line + "\n");
    let exported = metrics_in(&samples);
    named()
        .into_iter()
        .filter(|name| !exported.contains(name.as_str()))
        .collect()
}
