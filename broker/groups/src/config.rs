//! Settings of the group coordinator, under Kafka's names.
//! It reads no file: the composition root fills the struct.

use serde::{Deserialize, Serialize};

/// Members and pending members of one group, whatever `group.max.size` says.
pub const GROUP_MEMBERS_MAX: usize = 10_000;

/// Groups that one partition of `__consumer_offsets` holds.
pub const PARTITION_GROUPS_MAX: usize = 100_000;

/// Appends of one partition that have not reached the high watermark; past it clients retry.
pub const PARTITION_WRITES_MAX: usize = 10_000;

/// Offsets of open transactions that one partition of `__consumer_offsets` holds; past it producers
/// retry until transactions have ended.
pub const PARTITION_PENDING_OFFSETS_MAX: usize = 1_000_000;

/// Protocols (assignors) a member offers.
pub const MEMBER_PROTOCOLS_MAX: usize = 100;

/// Bytes of all protocols of a member. A group whose record exceeds the largest batch of
/// `__consumer_offsets` could not be stored.
pub const MEMBER_METADATA_BYTES_MAX: usize = 1 << 20;

/// How long a group whose assignment could not be stored waits before the next one. Its members join again at once, and
/// while too few replicas are in sync they would do so some thousand times a second.
pub const STORE_AGAIN_MS: u64 = 250;

/// What may wait for an append of one KIP-848 group: a heartbeat of each member, and some more of clients that ask twice.
pub const CONSUMER_GROUP_QUEUE_MAX: usize = 2 * GROUP_MEMBERS_MAX;

/// Tombstones in one append.
pub const TOMBSTONES_PER_APPEND: usize = 1_000;

/// How long a member that an old client lets wait in its first JoinGroup is kept
/// (`NEW_MEMBER_JOIN_TIMEOUT_MS` of Kafka).
pub const NEW_MEMBER_JOIN_TIMEOUT_MS: u64 = 5 * 60 * 1_000;

/// Settings; each name is Kafka's with `_` for `.`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GroupConfig {
    /// `group.min.session.timeout.ms`: the shortest session a member may ask for.
    pub group_min_session_timeout_ms: i32,
    /// `group.max.session.timeout.ms`: the longest.
    pub group_max_session_timeout_ms: i32,
    /// `group.initial.rebalance.delay.ms`: how long an empty group waits for more members.
    pub group_initial_rebalance_delay_ms: u64,
    /// `group.max.size`: members of a group, at most [`GROUP_MEMBERS_MAX`].
    pub group_max_size: usize,
    /// `group.consumer.session.timeout.ms`: how long a member of a KIP-848 group may be silent.
    pub group_consumer_session_timeout_ms: u64,
    /// `group.consumer.heartbeat.interval.ms`: how often such a member is told to speak.
    pub group_consumer_heartbeat_interval_ms: i32,
    /// `group.consumer.max.size`: members of such a group, at most [`GROUP_MEMBERS_MAX`].
    pub group_consumer_max_size: usize,
    /// `group.consumer.assignors`: those of [`crate::ASSIGNORS`] that members may ask for, the default first; not empty.
    pub group_consumer_assignors: Vec<String>,
    /// `offset.metadata.max.bytes`: text stored with a committed offset.
    pub offset_metadata_max_bytes: usize,
    /// `offsets.retention.minutes` in milliseconds, counted from when the group became empty.
    pub offsets_retention_ms: i64,
    /// `offsets.retention.check.interval.ms`: how often expired offsets are looked for.
    pub offsets_retention_check_interval_ms: u64,
    /// `offsets.commit.timeout.ms`: how long an append may take to reach the high watermark before
    /// its request is answered with an error that the client retries.
    pub offsets_commit_timeout_ms: u64,
}

impl Default for GroupConfig {
    fn default() -> GroupConfig {
        GroupConfig {
            group_min_session_timeout_ms: 6_000,
            group_max_session_timeout_ms: 1_800_000,
            group_initial_rebalance_delay_ms: 3_000,
            group_max_size: GROUP_MEMBERS_MAX,
            group_consumer_session_timeout_ms: 45_000,
            group_consumer_heartbeat_interval_ms: 5_000,
            group_consumer_max_size: GROUP_MEMBERS_MAX,
            group_consumer_assignors: crate::ASSIGNORS.map(str::to_owned).to_vec(),
            offset_metadata_max_bytes: 4_096,
            offsets_retention_ms: 7 * 24 * 60 * 60 * 1_000,
            offsets_retention_check_interval_ms: 600_000,
            offsets_commit_timeout_ms: 5_000,
        }
    }
}
