//! Rolling every broker under load: nothing is lost, nothing comes twice, no producer sees an error.
//! The longest pause is reported; it is judged where the machine is quiet, not here.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use kring_crds::kafka_cluster::Phase;
use kring_e2e::load::{Client, Shape};
use kring_e2e::{Cluster, Kafka, Load, Namespace, events, faults, install, kafka};
use kring_load::Report;
use serde_json::json;

const STEADY: Shape = Shape {
    client: Client::Librdkafka,
    records: 20_000,
    rate: 2_000,
    until_finished: true,
};
const ROLL: Duration = Duration::from_secs(300);
const SETTLE: Duration = Duration::from_secs(120);
/// A pause that no roll may cause even on a busy machine.
const PAUSE_MS_MAX: f64 = 10_000.0;

fn lost_nothing(report: &Report) {
    eprintln!(
        "{}: {} acknowledged, longest pause {:.0} ms, ack p99 {:.1} ms",
        report.client, report.acknowledged, report.longest_pause_ms, report.ack_latency.p99_ms
    );
    assert_eq!(report.violations(), Vec::<String>::new());
    assert!(report.longest_pause_ms < PAUSE_MS_MAX, "{report:?}");
}

/// Each pod was stopped by the operator, when it led and coordinated nothing.
fn stopped_only_drained_pods(namespace: &Namespace) {
    let events = events::about(namespace, kafka::NAME).unwrap();
    let mut stops: Vec<&str> = events
        .iter()
        .filter(|(reason, _)| reason == "StoppingPod")
        .map(|(_, message)| message.as_str())
        .collect();
    // An operator that is killed between writing an Event and deleting the pod writes it again.
    stops.sort_unstable();
    stops.dedup();
    assert_eq!(stops.len(), 3, "{events:?}");
    for stop in stops {
        assert!(stop.ends_with("leaders=0 coordinators=0"), "{stop}");
    }
}

#[test]
#[ignore = "needs a Kubernetes: e2e/run"]
fn a_new_version_rolls_under_load_and_loses_nothing() {
    let cluster = Cluster::connect().unwrap();
    install::by_helm(&cluster).unwrap();
    let namespace = Namespace::create(&cluster, "roll").unwrap();
    let kafka = Kafka::quickstart(&namespace).unwrap();
    let load = Load::start(&kafka, STEADY).unwrap();
    load.wait_acknowledged(5_000, SETTLE).unwrap();

    kafka
        .patch_spec(&json!({"version": cluster.next_version()}))
        .unwrap();
    let settled = kafka.wait_settled(cluster.next_version(), 3, ROLL).unwrap();

    lost_nothing(&load.finish(SETTLE).unwrap());
    stopped_only_drained_pods(&namespace);
    let rollout = settled.status.unwrap().rollout.unwrap();
    let brokers: Vec<i32> = rollout.brokers.iter().map(|broker| broker.id).collect();
    assert_eq!(brokers.len(), 3, "{brokers:?}");
    for broker in &rollout.brokers {
        let times: Vec<String> = broker
            .times
            .iter()
            .map(|time| format!("{} {} ms", time.phase.as_str(), time.milliseconds))
            .collect();
        eprintln!("broker {}: {}", broker.id, times.join(", "));
        assert!(broker.times.iter().any(|time| time.phase == Phase::Drain));
        assert!(broker.times.iter().any(|time| time.phase == Phase::CatchUp));
    }
}

#[test]
#[ignore = "needs a Kubernetes: e2e/run"]
fn an_operator_killed_in_the_middle_goes_on_where_it_was() {
    let cluster = Cluster::connect().unwrap();
    install::by_helm(&cluster).unwrap();
    let namespace = Namespace::create(&cluster, "killed-operator").unwrap();
    let kafka = Kafka::quickstart(&namespace).unwrap();
    let load = Load::start(&kafka, STEADY).unwrap();
    load.wait_acknowledged(5_000, SETTLE).unwrap();

    kafka
        .patch_spec(&json!({"version": cluster.next_version()}))
        .unwrap();
    kafka
        .wait_rollout("the second broker's turn", ROLL, |rollout| {
            rollout.done >= 1 && rollout.grant.is_some()
        })
        .unwrap();
    faults::kill_operator(&cluster).unwrap();
    let settled = kafka.wait_settled(cluster.next_version(), 3, ROLL).unwrap();

    lost_nothing(&load.finish(SETTLE).unwrap());
    stopped_only_drained_pods(&namespace);
    let rollout = settled.status.unwrap().rollout.unwrap();
    assert_eq!(rollout.id, 1, "the new operator began another rollout");
}
