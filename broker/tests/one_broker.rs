//! A broker that is alone, as a process, with librdkafka's command line as its client.
//! What several brokers do together is in `three_brokers.rs`.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod processes;

use processes::{Broker, consume, http_get, numbers, produce};

#[test]
fn what_was_acknowledged_survives_kill_and_a_clean_stop() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::alone(dir.path());
    broker.start_and_wait();
    let mut expected = Vec::new();
    for round in 0..4_u32 {
        let lines = numbers(round * 1000..(round + 1) * 1000);
        produce(&broker.bootstrap(), "orders", &lines);
        expected.extend(lines.lines().map(str::to_owned));
        if round % 2 == 0 {
            broker.kill();
        } else {
            assert!(broker.terminate().success());
        }
        broker.start_and_wait();
        assert_eq!(consume(&broker.bootstrap(), "orders"), expected);
    }
}

#[test]
fn one_line_says_what_is_ready_and_where() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::alone(dir.path());
    broker.start_and_wait();
    let log = broker.log();
    let line = log
        .lines()
        .find(|line| line.contains("kring-broker is ready"));
    let line = line.expect("a line says that it is ready");
    let meta = std::fs::read_to_string(dir.path().join("data/meta.properties")).unwrap();
    let cluster = meta
        .lines()
        .find_map(|line| line.strip_prefix("cluster.id="));
    for part in [
        format!("\"version\":{:?}", env!("CARGO_PKG_VERSION")),
        format!("\"cluster_id\":{:?}", cluster.unwrap()),
        format!("\"listener\":\"PLAINTEXT://{}\"", broker.bootstrap()),
        format!("\"advertised\":\"PLAINTEXT://{}\"", broker.bootstrap()),
        format!("\"data_dir\":\"{}\"", dir.path().join("data").display()),
        "\"io_driver\":\"".to_owned(),
        "\"io_driver_reason\":\"".to_owned(),
    ] {
        assert!(line.contains(&part), "{line:?} does not say {part:?}");
    }
}

#[test]
fn the_posix_driver_keeps_the_same_promise() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::alone(dir.path());
    broker.set("KRING_IO_DRIVER", "posix");
    broker.start_and_wait();
    let (_, metrics) = http_get(broker.ports.metrics, "/metrics").unwrap();
    assert!(metrics.contains(r#"io_driver="posix""#), "{metrics}");
    produce(&broker.bootstrap(), "orders", &numbers(0..1000));
    broker.kill();
    broker.start_and_wait();
    assert_eq!(consume(&broker.bootstrap(), "orders").len(), 1000);
}

#[test]
fn health_readiness_and_metrics_are_told_without_a_token_and_the_admin_api_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::alone(dir.path());
    broker.start_and_wait();
    produce(&broker.bootstrap(), "orders", &numbers(0..10));
    let get = |path: &str| http_get(broker.ports.metrics, path).unwrap();
    assert_eq!(get("/healthz").0, 200);
    let (status, metrics) = get("/metrics");
    assert_eq!(status, 200);
    for line in [
        "kafka_brokers 1\n",
        "kring_ready 1\n",
        "kafka_topic_partition_current_offset{topic=\"orders\",partition=\"0\"} 10\n",
        "kafka_topic_partition_leader{topic=\"orders\",partition=\"0\"} 0\n",
        "kafka_topic_partitions{topic=\"orders\"} 1\n",
        "kring_requests_total{api=\"Produce\"} ",
        "# EOF\n",
    ] {
        assert!(metrics.contains(line), "{line:?} is not in {metrics}");
    }
    let (status, body) = http_get(broker.ports.admin, "/v1/identity").unwrap();
    assert_eq!(status, 401);
    assert!(
        body.contains("unauthorized") && !body.contains("cluster_id"),
        "{body}"
    );
}
