//! A broker that is alone, as a process, with librdkafka's command line as its client.
//! What several brokers do together is in `three_brokers.rs`.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod processes;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use processes::{Broker, PATIENCE, consume, http_get, numbers, produce, read_as_group};

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

/// What is denied then, `io-linux` tests.
#[test]
fn a_broker_that_is_ready_has_given_up_what_it_never_needs() {
    const SECCOMP_MODE_FILTER: u64 = 2;
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::alone(dir.path());
    broker.start_and_wait();
    assert_eq!(broker.status("Seccomp:"), SECCOMP_MODE_FILTER);
    assert_eq!(broker.status("NoNewPrivs:"), 1);
}

#[test]
fn one_line_says_what_is_ready_and_where() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::alone(dir.path());
    broker.start_and_wait();
    // It is said a moment after it is so.
    let log = broker.log_with("kring-broker is ready");
    let line = log
        .lines()
        .find(|line| line.contains("kring-broker is ready"));
    let line = line.expect("it was waited for");
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

/// Status and body of a request to the admin API, with the token that the broker made.
fn admin(broker: &Broker, method: &str, path: &str, body: &str) -> (u16, String) {
    let token = std::fs::read_to_string(broker.dir.join("data/admin.token")).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", broker.ports.admin)).unwrap();
    let length = body.len();
    let token = token.trim();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok());
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status.unwrap(), body.to_owned())
}

#[test]
fn what_is_logged_changes_while_the_broker_runs() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::alone(dir.path());
    broker.start_and_wait();
    let path = "/v1/log-level";
    assert_eq!(
        admin(&broker, "GET", path, ""),
        (200, r#"{"level":"info"}"#.to_owned())
    );
    let debug = r#""level":"DEBUG""#;
    assert!(!broker.log().contains(debug));
    let wish = r#"{"level":"info,kring_edge=debug"}"#;
    assert_eq!(admin(&broker, "PUT", path, wish), (200, wish.to_owned()));
    // Every connection that ends is told at this level.
    produce(&broker.bootstrap(), "orders", &numbers(0..10));
    assert_eq!(consume(&broker.bootstrap(), "orders").len(), 10);
    assert!(broker.log().contains(debug));
    let (status, why) = admin(&broker, "PUT", path, r#"{"level":"loud=quiet"}"#);
    assert_eq!(status, 422, "{why}");
    assert!(why.contains("loud=quiet") && why.contains("debug"), "{why}");
    assert_eq!(admin(&broker, "GET", path, "").1, wish);
}

/// What is told of them is tested in `kring-requests`, and that it changes in `alerts.rs`.
#[test]
fn the_admin_api_tells_the_groups_of_a_topic() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::alone(dir.path());
    broker.set("KRING_METRICS_GROUP_WINDOW_MS", "1000");
    broker.start_and_wait();
    produce(&broker.bootstrap(), "orders", &numbers(0..10));
    assert_eq!(
        read_as_group(&broker.bootstrap(), "g", "orders", Some(4)),
        4
    );
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (status, body) = admin(&broker, "GET", "/v1/topics/orders/groups", "");
        assert_eq!(status, 200, "{body}");
        if body.contains(r#""group":"g","lag_records":6,"#)
            && body.contains(r#""stalled_partitions":1,"lost_records":0}],"left_out":0}"#)
        {
            return;
        }
        assert!(Instant::now() < deadline, "{body}");
        sleep(Duration::from_millis(100));
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
