//! What a configuration may look like, and what each mistake is answered with.
//! That the settings act is tested where they act.

use std::path::PathBuf;

use super::*;

fn load_toml(toml: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("broker.toml");
    std::fs::write(&file, toml).unwrap();
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    load(Some(&file), variables).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(toml: &str, expected: &[&str]) {
    let said = load_toml(toml, &[]).unwrap_err();
    for part in expected {
        assert!(said.contains(part), "{said:?} does not say {part:?}");
    }
}

#[test]
fn nothing_configured_is_a_broker_alone_on_loopback() {
    let config = load(None, std::iter::empty()).unwrap();
    assert_eq!(config.node.id, 0);
    assert_eq!(
        config.node.listener.to_string(),
        "PLAINTEXT://127.0.0.1:9092"
    );
    assert_eq!(config.node.advertised, config.node.listener);
    assert_eq!(config.node.data_dir, PathBuf::from("kring-data"));
    assert!(config.node.peering.is_none());
    assert_eq!(config.broker.voters.len(), 1);
}

#[test]
fn the_operators_file_is_understood_and_the_environment_comes_first() {
    let toml = r#"
        "node.id" = 7
        "log.dirs" = "/var/lib/kring"
        listeners = "PLAINTEXT://:9092"
        "advertised.listeners" = "PLAINTEXT://kring-7-0.kring-brokers.apps.svc:9092"
        "controller.quorum.voters" = ["0@kring-0:9093", "1@kring-1:9093", "7@kring-7:9093"]
        "broker.rack" = "zone-b"
        "num.partitions" = 6
        "auto.create.topics.enable" = false
        "log.retention.hours" = 2
        "min.insync.replicas" = 2
        [kring]
        peer.listener = ":9093"
        peer.secret.file = "/etc/kring-secret/peer-secret"
        admin = { listener = ":9644", token.file = "/etc/kring-secret/admin-token" }
        metrics.listener = ":9645"
    "#;
    let config = load_toml(
        toml,
        &[
            ("KRING_NODE_ID", "1"),
            ("KRING_LISTENERS", "PLAINTEXT://:9999"),
        ],
    )
    .unwrap();
    assert_eq!(config.node.id, 1);
    assert_eq!(config.node.listener.to_string(), "PLAINTEXT://:9999");
    assert_eq!(config.node.peer_advertised.to_string(), "kring-1:9093");
    assert_eq!(config.broker.voters.len(), 3);
    assert_eq!(config.broker.broker_rack.as_deref(), Some("zone-b"));
    assert_eq!(config.broker.num_partitions, 6);
    assert_eq!(config.broker.min_insync_replicas, 2);
    assert!(!config.broker.auto_create_topics_enable);
    assert_eq!(config.broker.topic_defaults["retention.ms"], "7200000");
}

#[test]
fn variables_of_kafkas_image_are_understood_and_the_meaningless_ones_reported() {
    let variables = [
        ("KAFKA_ADVERTISED_LISTENERS", "PLAINTEXT://kafka:29092"),
        ("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false"),
        ("KAFKA_LISTENERS", "PLAINTEXT://:29092,CONTROLLER://:29093"),
        ("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER"),
        ("KAFKA_NUM_PARTITIONS", "3"),
        ("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "1"),
        ("KAFKA_PROCESS_ROLES", "broker,controller"),
        ("KRING_NUM_PARTITIONS", "4"),
        ("PATH", "/bin"),
    ];
    let config = load_toml("", &variables).unwrap();
    assert_eq!(
        config.node.advertised.to_string(),
        "PLAINTEXT://kafka:29092"
    );
    assert_eq!(config.node.listener.to_string(), "PLAINTEXT://:29092");
    assert_eq!(config.broker.num_partitions, 4);
    assert_eq!(config.unused_variables, ["KAFKA_PROCESS_ROLES"]);
}

#[test]
fn variables_that_kubernetes_makes_of_services_are_passed_over() {
    let variables = [
        ("KRING_BOOTSTRAP_SERVICE_HOST", "10.0.0.1"),
        ("KRING_BOOTSTRAP_SERVICE_PORT_KAFKA", "9092"),
        ("KRING_BOOTSTRAP_PORT", "tcp://10.0.0.1:9092"),
        ("KRING_BOOTSTRAP_PORT_9092_TCP_ADDR", "10.0.0.1"),
        ("KRING_PORT_9092_TCP", "tcp://10.0.0.1:9092"),
    ];
    load_toml("", &variables).unwrap();
}

#[test]
fn an_unknown_key_is_refused_with_its_place_and_the_likely_one() {
    refused(
        r#""num.partition" = 3"#,
        &[
            "num.partition = \"3\" in",
            "broker.toml",
            "is not a setting; num.partitions is",
        ],
    );
    refused(
        r#""zookeeper.connect" = "zk:2181""#,
        &["zookeeper.connect = \"zk:2181\" in", "is not a setting;"],
    );
    let said = load_toml("", &[("KRING_NODE_IDD", "1")]).unwrap_err();
    assert!(said.contains("KRING_NODE_IDD names no setting"), "{said}");
}

#[test]
fn a_bad_value_is_refused_with_key_value_and_what_is_allowed() {
    refused(
        r#""node.id" = -1"#,
        &[r#"node.id: "-1""#, "from 0 to 2147483647", "broker.toml"],
    );
    refused(
        r#""kring.io.driver" = "fast""#,
        &[r#""fast""#, "auto, io_uring, posix"],
    );
    refused(
        r#""num.partitions" = "many""#,
        &[r#"num.partitions: "many""#, "whole number"],
    );
    refused(r#""auto.create.topics.enable" = 1"#, &["true, false"]);
    refused(
        r#"listeners = "127.0.0.1:9092""#,
        &["listeners", "NAME://host:port"],
    );
    refused(r#"listeners = "A://:1,B://:2""#, &["one NAME://host:port"]);
    refused(r#"listeners = "SASL_SSL://:9092""#, &["without encryption"]);
    refused(r#""log.dirs" = "/a,/b""#, &["log.dirs", "one directory"]);
    refused(r#""log.dirs" = """#, &["log.dirs", "one directory"]);
    refused(
        r#""controller.quorum.voters" = "0@a:1,0@b:2""#,
        &["different id@host:port"],
    );
    for (toml, value, allowed) in [
        (
            r#""kring.journal.file.bytes" = 1048576"#,
            "1048576",
            "8388608",
        ),
        (
            r#""kring.journal.file.bytes" = 17179869184"#,
            "17179869184",
            "4294963200",
        ),
        (
            r#""kring.journal.file.bytes" = 8388609"#,
            "8388609",
            "multiple of 4096",
        ),
        (r#""kring.journal.files" = 1"#, "1", "from 2 to 64"),
        (r#""kring.commit.groups.in.flight" = 0"#, "0", "from 1 to 8"),
    ] {
        let key = toml.split('"').nth(1).unwrap();
        refused(
            toml,
            &[key, value, "is not allowed", allowed, "broker.toml"],
        );
    }
    refused(
        r#""node.id" = 1979-05-27"#,
        &["node.id", "a text, a number"],
    );
}

#[test]
fn every_journal_that_the_table_allows_is_one_that_the_log_can_use() {
    let table = |name: &str| {
        let key = engine::KEYS.iter().find(|key| key.name == name).unwrap();
        match key.shape {
            keys::Shape::Number { min, max } => [min, max],
            _ => panic!("{name} is a number"),
        }
    };
    for bytes in table("kring.journal.file.bytes") {
        for files in table("kring.journal.files") {
            let toml = format!(
                "\"kring.journal.file.bytes\" = {bytes}\n\"kring.journal.files\" = {files}"
            );
            let config = load_toml(&toml, &[]).unwrap();
            assert_eq!(config.broker.log.check(), Ok(()), "{toml}");
        }
    }
}

#[test]
fn a_list_of_words_may_have_spaces_and_every_word_is_checked() {
    let config = load_toml(r#""group.consumer.assignors" = "range, uniform""#, &[]).unwrap();
    let assignors = &config.broker.groups.group_consumer_assignors;
    assert_eq!(assignors, &["range", "uniform"]);
    for wrong in ["", "uniform,sticky"] {
        refused(
            &format!("\"group.consumer.assignors\" = \"{wrong}\""),
            &["group.consumer.assignors", "one or more of uniform, range"],
        );
    }
}

#[test]
fn contradictions_are_refused_with_both_keys() {
    refused(
        r#""kring.peer.listener" = ":9093""#,
        &["kring.peer.listener :9093 needs kring.peer.secret.file"],
    );
    refused(
        r#""controller.quorum.voters" = "0@a:9093,1@b:9093""#,
        &["names other brokers; kring.peer.listener"],
    );
    refused(
        r#""kring.admin.listener" = "0.0.0.0:9644""#,
        &["reachable from other machines and needs kring.admin.token.file"],
    );
    refused(
        r#""advertised.listeners" = "PLAINTEXT://0.0.0.0:9092""#,
        &["not an address that clients can connect to"],
    );
}

#[test]
fn text_that_is_not_toml_is_refused_with_its_line() {
    refused("node.id = ", &["is not TOML", "line 1"]);
    let missing = load(
        Some(&PathBuf::from("/nonexistent/broker.toml")),
        std::iter::empty(),
    );
    let said = missing.unwrap_err().to_string();
    assert!(
        said.contains("/nonexistent/broker.toml cannot be read"),
        "{said}"
    );
}

#[test]
fn no_two_settings_share_a_variable() {
    let mut variables: Vec<String> = known_names()
        .into_iter()
        .map(environment::variable_of)
        .collect();
    let count = variables.len();
    variables.sort();
    variables.dedup();
    assert_eq!(variables.len(), count);
}

#[test]
fn the_printed_reference_is_a_configuration_when_it_is_uncommented() {
    let settings: String = reference()
        .lines()
        .filter_map(|line| line.strip_prefix("#\""))
        .filter(|line| !line.ends_with("= \"\""))
        .map(|line| format!("\"{line}\n"))
        .collect();
    assert!(settings.lines().count() > 40);
    load_toml(&settings, &[]).unwrap();
}

/// Settings of a broker's node that the operator decides, so that its copy of the table lacks them.
const OWNED_BY_OPERATOR: [&str; 14] = [
    "advertised.listeners",
    "broker.rack",
    "controller.quorum.voters",
    "kring.admin.listener",
    "kring.admin.token.file",
    "kring.io.driver",
    "kring.metrics.listener",
    "kring.peer.advertised",
    "kring.peer.listener",
    "kring.peer.secret.file",
    "listeners",
    "log.dirs",
    "node.id",
    "controller.listener.names",
];

#[test]
fn the_operators_copy_of_the_table_is_fresh() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../operator/resources/src/config_keys.json"
    );
    let mut keys = schema();
    keys.sort_by_key(|key| {
        let is_topic = key.scope == kring_admin_api::ConfigScope::Topic;
        (is_topic, key.name.clone())
    });
    let lines: Vec<String> = keys
        .iter()
        .filter(|key| !OWNED_BY_OPERATOR.contains(&key.name.as_str()))
        .map(|key| format!("  {}", serde_json::to_string(key).unwrap()))
        .collect();
    let fresh = format!("[\n{}\n]\n", lines.join(",\n"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &fresh).unwrap();
    }
    let stored = std::fs::read_to_string(path).unwrap();
    assert!(stored == fresh, "stale: run `cargo xtask codegen`");
}

#[test]
fn the_schema_tells_every_broker_setting_once() {
    let mut told: Vec<String> = schema()
        .into_iter()
        .filter(|key| key.scope == kring_admin_api::ConfigScope::Broker)
        .map(|key| key.name)
        .collect();
    let mut known: Vec<String> = known_names().into_iter().map(str::to_owned).collect();
    told.sort();
    known.sort();
    assert_eq!(told, known);
}
