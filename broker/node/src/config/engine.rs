//! The settings of the engines: from checked names and values to the struct that the broker takes.
//! Their bounds are checked before; topic settings stay text, the log's owner reads them.

mod set;

use kring_controller::config_schema;
use kring_io::BrokerId;
use kring_requests::BrokerConfig;

use super::ConfigError;
use super::keys::{NodeKey, Shape};
use super::node::NodeConfig;
use super::retention;
use super::source::Settings;
use set::{set_assignors, set_flag, set_number};

/// Part of the memory budget for recent records. The log refuses appends at twice its share.
const TAIL_PERCENT: u64 = 35;

/// Kafka also takes class names, of which there are none here.
const ASSIGNORS_KEY: &str = "group.consumer.assignors";

const fn number(
    name: &'static str,
    min: i64,
    max: i64,
    default: &'static str,
    doc: &'static str,
) -> NodeKey {
    NodeKey {
        name,
        shape: Shape::Number { min, max },
        default,
        doc,
    }
}

/// Settings of the engines that are no matter of the whole cluster, in the order of the names.
pub(crate) const KEYS: &[NodeKey] = &[
    number(
        "controller.quorum.election.timeout.ms",
        50,
        60_000,
        "600",
        "A voter that hears no controller for this long, plus a random part, stands for election.",
    ),
    number(
        "fetch.max.bytes",
        1024,
        i32::MAX as i64,
        "57671680",
        "The most that one Fetch answer holds, in bytes, but for a single larger batch.",
    ),
    NodeKey {
        name: ASSIGNORS_KEY,
        shape: Shape::Words(&["uniform", "range"]),
        default: "uniform,range",
        doc: "Assignors that members of KIP-848 groups (group.protocol=consumer) may ask for, the default first. uniform gives everybody the same number of partitions and moves only what it must; range gives each member of a topic's readers a contiguous range.",
    },
    number(
        "group.consumer.heartbeat.interval.ms",
        1,
        600_000,
        "5000",
        "How often a member of a KIP-848 group is told to send a heartbeat.",
    ),
    number(
        "group.consumer.max.size",
        1,
        10_000,
        "10000",
        "Members of one KIP-848 group.",
    ),
    number(
        "group.consumer.session.timeout.ms",
        1,
        i32::MAX as i64,
        "45000",
        "How long a member of a KIP-848 group may be silent before the others get its partitions. Several times the heartbeat interval.",
    ),
    number(
        "group.initial.rebalance.delay.ms",
        0,
        600_000,
        "3000",
        "How long an empty consumer group waits for more members before its first rebalance.",
    ),
    number(
        "group.max.session.timeout.ms",
        1,
        i32::MAX as i64,
        "1800000",
        "The longest session that a member of a group may ask for.",
    ),
    number(
        "group.max.size",
        1,
        10_000,
        "10000",
        "Members of one consumer group.",
    ),
    number(
        "group.min.session.timeout.ms",
        1,
        i32::MAX as i64,
        "6000",
        "The shortest session that a member of a group may ask for.",
    ),
    number(
        "kring.commit.groups.in.flight",
        1,
        8,
        "2",
        "Commit groups that may be on their way to the disk at once.",
    ),
    number(
        "kring.controlled.shutdown.timeout.ms",
        0,
        3_600_000,
        "30000",
        "How long a shutdown waits for the leaders to be handed over.",
    ),
    number(
        "kring.disk.hang.ms",
        0,
        600_000,
        "2500",
        "A disk that has not answered a journal write for this long hangs: the broker gives up its leaderships until the disk has answered for as long again. 0: never.",
    ),
    number(
        "kring.fetch.session.cache.bytes",
        0,
        i64::MAX,
        "16777216",
        "Memory that fetch sessions take at most, in bytes; one takes a quarter at most. About 110 bytes hold a partition that a client reads. A client without a session sends whole requests.",
    ),
    number(
        "kring.journal.file.bytes",
        // A commit group of 1 MiB takes an eighth of a file at most; a place in a file is 32 bits.
        8 << 20,
        (1 << 32) - 4096,
        "134217728",
        "Length of a journal file; a multiple of 4096. Zeroed once, then recycled. Fixed when the data directory is made.",
    ),
    number(
        "kring.journal.files",
        2,
        64,
        "4",
        "Journal files that are recycled in turn. Fixed when the data directory is made.",
    ),
    number(
        "kring.metrics.group.partitions.max",
        0,
        10_000_000,
        "10000",
        "Partitions of consumer groups that this broker's metrics tell one by one, and whose growth it remembers; the others are in the sums by topic only.",
    ),
    number(
        "kring.metrics.group.window.ms",
        1_000,
        86_400_000,
        "300000",
        "Time after which a consumer group's lag counts as growing, or a group that does not read as stalled; sampled twenty times.",
    ),
    number(
        "kring.scrub.bytes.per.second",
        1024,
        1 << 40,
        "16777216",
        "How much of the segments is read in a second, at most, while all of them are verified.",
    ),
    number(
        "kring.scrub.interval.ms",
        0,
        i64::MAX,
        "86400000",
        "How often every segment is read and verified; a damaged one is fetched again from another replica. 0: never.",
    ),
    number(
        "kring.untaken.answer.bytes",
        1_048_576,
        i64::MAX,
        "67108864",
        "What Fetch answers that clients have not taken yet may hold together, in bytes. One answer holds a quarter of what is left of it, at least 64 KiB.",
    ),
    number(
        "log.retention.check.interval.ms",
        100,
        i64::MAX,
        "60000",
        "How often data is looked for that retention removes.",
    ),
    number(
        "log.retention.hours",
        -1,
        i32::MAX as i64,
        "168",
        "How long records are kept, in hours; log.retention.minutes and log.retention.ms come first. -1: for ever.",
    ),
    number(
        "log.retention.minutes",
        -1,
        i32::MAX as i64,
        "10080",
        "How long records are kept, in minutes; log.retention.ms comes first. -1: for ever.",
    ),
    number(
        "max.incremental.fetch.session.cache.slots",
        0,
        i32::MAX as i64,
        "1000",
        "Fetch sessions that are kept: what each of so many clients reads, so that its requests and answers hold changes alone.",
    ),
    number(
        "offset.metadata.max.bytes",
        0,
        1 << 20,
        "4096",
        "Text that may be stored with a committed offset, in bytes.",
    ),
    number(
        "offsets.commit.timeout.ms",
        1,
        600_000,
        "5000",
        "How long a commit of offsets may take before the client is told to try again.",
    ),
    number(
        "offsets.retention.check.interval.ms",
        100,
        i64::MAX,
        "600000",
        "How often expired offsets are looked for.",
    ),
    number(
        "offsets.retention.minutes",
        1,
        i32::MAX as i64,
        "10080",
        "How long offsets of an empty group are kept, in minutes.",
    ),
    number(
        "producer.id.expiration.ms",
        1,
        i64::MAX,
        "86400000",
        "Silence after which an idempotent producer is forgotten.",
    ),
    number(
        "replica.fetch.backoff.ms",
        1,
        600_000,
        "500",
        "Pause of a partition after its replication failed.",
    ),
    number(
        "replica.fetch.max.bytes",
        1024,
        i32::MAX as i64,
        "1048576",
        "Record bytes of one partition in one answer to a follower; a first batch goes whole.",
    ),
    number(
        "replica.fetch.response.max.bytes",
        1024,
        64 << 20,
        "10485760",
        "Record bytes in one answer to a follower.",
    ),
    number(
        "replica.fetch.wait.max.ms",
        10,
        60_000,
        "1000",
        "How long a leader holds a follower's fetch that it has nothing for.",
    ),
    number(
        "transaction.max.timeout.ms",
        1,
        i32::MAX as i64,
        "900000",
        "The longest time-out that a transactional producer may ask for. An open transaction holds back the readers of committed records for as long.",
    ),
    number(
        "transactional.id.expiration.ms",
        1,
        i64::MAX,
        "604800000",
        "Silence after which a transactional id is forgotten.",
    ),
];

/// Makes the engine's configuration of checked settings.
pub(super) fn resolve(settings: &Settings, node: &NodeConfig) -> Result<BrokerConfig, ConfigError> {
    let mut config = BrokerConfig {
        voters: node
            .voters
            .iter()
            .map(|(id, address)| (BrokerId(*id), address.to_string()))
            .collect(),
        broker_rack: node.rack.clone(),
        rack_aware_replica_selector: node.rack_aware_replica_selector,
        ..BrokerConfig::default()
    };
    let tail_bytes = node.memory_bytes / 100 * TAIL_PERCENT;
    config.log.tail_cache_bytes = usize::try_from(tail_bytes).unwrap_or(usize::MAX);
    for (name, setting) in settings {
        let known = match setting.value.as_str() {
            "true" => set_flag(&mut config, name, true),
            "false" => set_flag(&mut config, name, false),
            value if name == ASSIGNORS_KEY => {
                set_assignors(&mut config, value);
                true
            }
            value => value
                .parse()
                .is_ok_and(|value| set_number(&mut config, name, value)),
        };
        let topic_key = config_schema::topic_keys().find(|key| key.broker_key == Some(name));
        if let Some(key) = topic_key {
            let value = setting.value.clone();
            config.topic_defaults.insert(key.name.to_owned(), value);
        } else if !known {
            // A setting of the node, or one that says how things are anyway; each of the others is
            // known, and a test holds that.
            let is_fixed = config_schema::broker_key(name).is_some_and(|key| key.is_fixed());
            debug_assert!(is_fixed || super::keys::NODE_KEYS.iter().any(|key| key.name == name));
        }
    }
    retention::apply(settings, &mut config);
    let half_bytes = usize::try_from(config.log.journal_file_bytes / 2).unwrap_or(usize::MAX);
    config.log.state_value_bytes_max = config.log.state_value_bytes_max.min(half_bytes);
    check_log(settings, &config)?;
    Ok(config)
}

/// What the log says of its settings, in the names that people set.
fn check_log(settings: &Settings, config: &BrokerConfig) -> Result<(), ConfigError> {
    let Err(error) = config.log.check() else {
        return Ok(());
    };
    let name = match error.key {
        "journal_files" => "kring.journal.files",
        "commit_groups_in_flight" => "kring.commit.groups.in.flight",
        // All others compare the length of a file with what nobody sets.
        _ => "kring.journal.file.bytes",
    };
    let (value, allowed) = match error.key {
        "journal_files" | "commit_groups_in_flight" | "journal_file_bytes" => {
            (error.value, error.allowed)
        }
        _ => (config.log.journal_file_bytes, "at least 8388608".to_owned()),
    };
    let message = format!("{name}: {value} is not allowed; {allowed} is");
    Err(match settings.get(name) {
        Some(setting) => ConfigError::BadValue {
            origin: setting.origin.clone(),
            message,
        },
        None => ConfigError::Contradiction(message),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_of_the_tables_reaches_the_engine_and_its_documented_default_changes_nothing() {
        let mut config = BrokerConfig::default();
        for key in KEYS {
            if key.name == ASSIGNORS_KEY {
                config.groups.group_consumer_assignors.clear();
                set_assignors(&mut config, key.default);
                continue;
            }
            let value = key.default.parse().unwrap();
            assert!(set_number(&mut config, key.name, value), "{}", key.name);
        }
        for key in config_schema::broker_keys() {
            let is_topic_default =
                config_schema::topic_keys().any(|topic| topic.broker_key == Some(key.name));
            let known = match key.default.unwrap_or("") {
                "true" => set_flag(&mut config, key.name, true),
                "false" => set_flag(&mut config, key.name, false),
                number => number
                    .parse()
                    .is_ok_and(|number| set_number(&mut config, key.name, number)),
            };
            let is_read = known || is_topic_default || key.is_fixed();
            assert!(is_read, "{} is read by nobody", key.name);
        }
        assert_eq!(config, BrokerConfig::default());
    }
}
