//! The figures at the end, as text.
//! They come from the client's report and the cluster's status; nothing is computed but sums.

use std::fmt::Write as _;

use kring_crds::kafka_cluster::{Phase, RolloutStatus};
use kring_load::Report;

const PHASES: [Phase; 8] = [
    Phase::PreCheck,
    Phase::Drain,
    Phase::Stop,
    Phase::Start,
    Phase::Identity,
    Phase::CatchUp,
    Phase::ReturnLeaders,
    Phase::Soak,
];

/// What the client saw.
pub(crate) fn of_load(report: &Report) -> String {
    let worst = report
        .partitions
        .iter()
        .max_by(|a, b| a.longest_pause_ms.total_cmp(&b.longest_pause_ms));
    let pause = worst.map_or_else(String::new, |partition| {
        format!(
            "{:.0} ms (partition {})",
            partition.longest_pause_ms, partition.partition
        )
    });
    let latency = report.ack_latency;
    let rows = [
        ("acknowledged", report.acknowledged.to_string()),
        ("received", report.received.to_string()),
        ("lost", report.lost.to_string()),
        ("duplicated", report.duplicated.to_string()),
        ("errors in the producer", report.errors.to_string()),
        ("longest pause", pause),
        (
            "ack latency",
            format!(
                "p50 {:.1} ms, p99 {:.1} ms, max {:.0} ms",
                latency.p50_ms, latency.p99_ms, latency.max_ms
            ),
        ),
    ];
    rows.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "  {name:<24}{value}");
        text
    })
}

/// Seconds of each broker in each phase.
pub(crate) fn of_roll(from: &str, to: &str, seconds: f64, rollout: &RolloutStatus) -> String {
    let mut text = format!("  roll {from} → {to} in {seconds:.1} s; seconds per phase\n  broker");
    for phase in PHASES {
        let _ = write!(text, "{:>15}", phase.as_str());
    }
    let _ = writeln!(text, "{:>15}", "all");
    for broker in &rollout.brokers {
        let _ = write!(text, "  {:>6}", broker.id);
        let mut sum = 0;
        for phase in PHASES {
            let milliseconds: i64 = broker
                .times
                .iter()
                .filter(|time| time.phase == phase)
                .map(|time| time.milliseconds)
                .sum();
            sum += milliseconds;
            let _ = write!(text, "{:>15.2}", milliseconds as f64 / 1000.0);
        }
        let _ = writeln!(text, "{:>15.2}", sum as f64 / 1000.0);
    }
    text
}

/// How to go on, and how to remove everything.
pub(crate) fn what_next(namespace: &str) -> String {
    format!(
        "  to look at it:   eval \"$(hack/cluster/env)\"
                   kubectl --namespace {namespace} get kafkaclusters,topics,pods
                   kubectl --namespace {namespace} describe kafkacluster demo
  to connect:      demo-bootstrap.{namespace}.svc:9092 from any pod
  to roll again:   hack/demo
  to remove it:    hack/cluster/down (with your own KUBECONFIG: kubectl delete namespace {namespace}; helm uninstall --namespace kring-system kring)
"
    )
}

#[cfg(test)]
mod tests {
    use kring_crds::kafka_cluster::{PhaseTime, RolledBroker};
    use kring_crds::{MicroTime, Timestamp};

    use super::*;

    #[test]
    fn a_phase_entered_twice_counts_both_times() {
        let time = |milliseconds| PhaseTime {
            phase: Phase::Drain,
            milliseconds,
        };
        let rollout = RolloutStatus {
            brokers: vec![RolledBroker {
                id: 2,
                times: vec![time(500), time(1000)],
                finished_at: MicroTime(Timestamp::UNIX_EPOCH),
            }],
            ..RolloutStatus::default()
        };
        let text = of_roll("1", "2", 3.0, &rollout);
        assert_eq!(text.matches("1.50").count(), 2, "{text}");
    }
}
