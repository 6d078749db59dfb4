//! The chart's alerts about consumers, evaluated by Debian's Prometheus: on made-up series, and on those of a broker.
//! What the numbers mean is tested where they are counted.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod processes;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use processes::{Broker, PATIENCE, Ports, http_get, numbers, produce, read_as_group};

const RULES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../charts/kring/rules/kring.yaml"
);
const RULE_TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/tests/alerts.yaml");
const INSTALL: &str = "prometheus is there: hack/install test unpacks the Debian package";

/// A Prometheus that scrapes one broker each second, with the chart's rules as they are.
struct Prometheus {
    process: Child,
    port: u16,
}

impl Prometheus {
    fn start(dir: &Path, broker: &Broker) -> Prometheus {
        let scrapes = broker.ports.metrics;
        let config = format!(
            r#"
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ['{RULES}']
scrape_configs:
  - job_name: brokers
    static_configs:
      - targets: ['127.0.0.1:{scrapes}']
        labels: {{namespace: shop, cluster: demo, broker: '0'}}
"#
        );
        let file = dir.join("prometheus.yml");
        std::fs::write(&file, config).unwrap();
        let port = Ports::free().metrics;
        let log = std::fs::File::create(dir.join("prometheus.log")).unwrap();
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                dir.join("tsdb").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect(INSTALL);
        Prometheus { process, port }
    }

    /// Whether an alert fires for the group, by Prometheus's own word.
    fn fires(&self, alert: &str) -> bool {
        let query = format!("ALERTS%7Balertname%3D%22{alert}%22%2Calertstate%3D%22firing%22%7D");
        let path = format!("/api/v1/query?query={query}");
        let Ok((200, answer)) = http_get(self.port, &path) else {
            return false;
        };
        [
            r#""consumergroup":"readers""#,
            r#""topic":"orders""#,
            r#""cluster":"demo""#,
        ]
        .iter()
        .all(|label| answer.contains(label))
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_alerts_about_consumers_say_what_is_wrong_and_nothing_else() {
    let output = Command::new("promtool")
        .args(["test", "rules", RULE_TESTS])
        .output()
        .expect(INSTALL);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// The group has read ten records when its consumer ends, and the producer goes on.
#[test]
fn a_group_that_no_longer_reads_fires_the_alerts_until_it_has_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::alone(dir.path());
    // The only thing that differs from what is shipped: seconds in the place of five minutes.
    broker.set("KRING_METRICS_GROUP_WINDOW_MS", "6000");
    broker.start_and_wait();
    let bootstrap = broker.bootstrap();
    let prometheus = Prometheus::start(dir.path(), &broker);
    produce(&bootstrap, "orders", &numbers(0..100));
    assert_eq!(read_as_group(&bootstrap, "readers", "orders", Some(10)), 10);

    let mut written = 100;
    let deadline = Instant::now() + PATIENCE;
    while !prometheus.fires("KringConsumerLagGrowing") {
        assert!(Instant::now() < deadline, "{}", metrics(&broker));
        produce(&bootstrap, "orders", &numbers(written..written + 2_000));
        written += 2_000;
        sleep(Duration::from_millis(200));
    }
    assert!(written > 10_000, "it fired below its threshold");
    wait_until(&broker, || prometheus.fires("KringConsumerStalled"));
    assert!(!prometheus.fires("KringConsumerLosesRecords"));
    let labels = r#"{consumergroup="readers",topic="orders"}"#;
    let text = metrics(&broker);
    let lag = written - 10;
    for line in [
        format!("kafka_consumergroup_lag_sum{labels} {lag}\n"),
        format!("kring_consumergroup_stalled_partitions{labels} 1\n"),
        format!("kring_consumergroup_lost_records_sum{labels} 0\n"),
        "kring_consumergroup_partitions_left_out 0\n".to_owned(),
    ] {
        assert!(text.contains(&line), "{line:?} is not in {text}");
    }

    let rest = usize::try_from(lag).unwrap();
    assert_eq!(read_as_group(&bootstrap, "readers", "orders", None), rest);
    wait_until(&broker, || {
        !prometheus.fires("KringConsumerLagGrowing") && !prometheus.fires("KringConsumerStalled")
    });
}

/// Long enough for the broker to have made them anew.
fn metrics(broker: &Broker) -> String {
    sleep(Duration::from_millis(1_100));
    http_get(broker.ports.metrics, "/metrics").unwrap().1
}

fn wait_until(broker: &Broker, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{}", metrics(broker));
        sleep(Duration::from_millis(200));
    }
}
