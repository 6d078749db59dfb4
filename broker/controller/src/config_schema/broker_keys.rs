//! The settings of a broker: those that stand for topic settings, and those of its own.
//! Where a broker listens and stores is not here; that is a matter of its node, not of the cluster.

use kring_admin_api::ConfigType::{Boolean, Int, List, Long, String};

use super::Definition;
use super::topic_keys::TOPIC_KEYS;

/// What topics without a value of their own have; changed while brokers run.
pub(super) const TOPIC_DEFAULTS: &[Definition; TOPIC_KEYS.len()] = &{
    let mut keys = [TOPIC_KEYS[0]; TOPIC_KEYS.len()];
    let mut i = 0;
    while i < keys.len() {
        keys[i] = TOPIC_KEYS[i].as_broker_key();
        i += 1;
    }
    keys
};

/// What a broker reads when it starts.
pub(super) const STATIC_KEYS: &[Definition] = &[
    Definition::new(
        "auto.create.topics.enable",
        Boolean,
        "true",
        "Whether a topic is created when a client asks for it by an unknown name.",
    )
    .restart(),
    Definition::new(
        "auto.leader.rebalance.enable",
        Boolean,
        "true",
        "Whether leaderships go back to the preferred brokers by themselves.",
    )
    .restart(),
    Definition::new(
        "broker.heartbeat.interval.ms",
        Int,
        "500",
        "How often a broker reports to the active controller, in milliseconds.",
    )
    .min(50)
    .restart(),
    Definition::new(
        "broker.session.timeout.ms",
        Int,
        "3000",
        "A broker that is silent for longer is fenced, in milliseconds.",
    )
    .min(500)
    .restart(),
    Definition::new(
        "default.replication.factor",
        Int,
        "1",
        "Replicas of a topic whose creation names no number.",
    )
    .min(1)
    .max(32_767)
    .restart(),
    Definition::new(
        "leader.imbalance.check.interval.seconds",
        Long,
        "300",
        "How often leaderships go back to the preferred brokers, in seconds.",
    )
    .min(1)
    .restart(),
    Definition::new(
        "num.partitions",
        Int,
        "1",
        "Partitions of a topic whose creation names no number.",
    )
    .min(1)
    .restart(),
    Definition::new(
        "offsets.topic.num.partitions",
        Int,
        "16",
        "Partitions of `__consumer_offsets`; fixed once it exists.",
    )
    .min(1)
    .restart(),
    Definition::new(
        "offsets.topic.replication.factor",
        Int,
        "3",
        "Replicas of `__consumer_offsets`; as many as there are brokers where they are fewer.",
    )
    .min(1)
    .max(32_767)
    .restart(),
    Definition::new(
        "replica.lag.time.max.ms",
        Long,
        "10000",
        "A follower that has not caught up for longer leaves the ISR, in milliseconds.",
    )
    .min(1)
    .restart(),
    Definition::new(
        "transaction.state.log.num.partitions",
        Int,
        "16",
        "Partitions of `__transaction_state`; fixed once it exists.",
    )
    .min(1)
    .restart(),
    Definition::new(
        "transaction.state.log.replication.factor",
        Int,
        "3",
        "Replicas of `__transaction_state`; as many as there are brokers where they are fewer.",
    )
    .min(1)
    .max(32_767)
    .restart(),
];

/// What Kafka lets one choose and Kring does in one way, for clients that look it up and for files
/// that say it.
pub(super) const FIXED_KEYS: &[Definition] = &[
    Definition::new(
        "authorizer.class.name",
        String,
        "",
        "Only empty: no request is refused for who sends it.",
    )
    .one_of(&[""])
    .restart(),
    Definition::new(
        "controlled.shutdown.enable",
        Boolean,
        "true",
        "Only `true`: a broker that is told to stop hands its leaders over first.",
    )
    .one_of(&["true"])
    .restart(),
    Definition::new(
        "cordoned.log.dirs",
        List,
        "",
        "Only empty: the one directory takes new replicas.",
    )
    .one_of(&[""])
    .restart(),
    Definition::new(
        "delete.topic.enable",
        Boolean,
        "true",
        "Only `true`: topics can be deleted.",
    )
    .one_of(&["true"])
    .restart(),
    Definition::new(
        "log.cleaner.enable",
        Boolean,
        "true",
        "Only `true`: topics with `cleanup.policy=compact` are compacted.",
    )
    .one_of(&["true"])
    .restart(),
    Definition::new(
        "max.connection.creation.rate",
        Int,
        "2147483647",
        "Only what it is: the rate of new connections is not bounded.",
    )
    .min(2_147_483_647)
    .max(2_147_483_647)
    .restart(),
    Definition::new(
        "max.connections.per.ip.overrides",
        String,
        "",
        "Only empty: `max.connections.per.ip` holds for every address.",
    )
    .one_of(&[""])
    .restart(),
    Definition::new(
        "max.request.partition.size.limit",
        Int,
        "2000",
        "Only what it is: partitions of one answer to DescribeTopicPartitions.",
    )
    .min(2_000)
    .max(2_000)
    .restart(),
    Definition::new(
        "remote.log.storage.system.enable",
        Boolean,
        "false",
        "Only `false`: there is no remote storage.",
    )
    .one_of(&["false"])
    .restart(),
    Definition::new(
        "transaction.partition.verification.enable",
        Boolean,
        "true",
        "Only `true`: a partition takes a transaction's batch after the coordinator has said that it is part of it.",
    )
    .one_of(&["true"])
    .restart(),
    Definition::new(
        "transaction.two.phase.commit.enable",
        Boolean,
        "false",
        "Only `false`: the coordinator ends each transaction that lasts longer than its time-out.",
    )
    .one_of(&["false"])
    .restart(),
];
