//! One module per Kafka API that is not Produce or Fetch. Each opens with its contract.
//! This file only lists them.

pub(crate) mod add_offsets_to_txn;
pub(crate) mod add_partitions_to_txn;
pub(crate) mod alter_configs;
pub(crate) mod alter_partition_reassignments;
pub(crate) mod alter_replica_log_dirs;
pub(crate) mod api_versions;
mod commit_rows;
mod config_resources;
pub(crate) mod consumer_group_describe;
pub(crate) mod consumer_group_heartbeat;
pub(crate) mod create_partitions;
pub(crate) mod create_topics;
pub(crate) mod delete_groups;
pub(crate) mod delete_records;
pub(crate) mod delete_topics;
pub(crate) mod describe_cluster;
pub(crate) mod describe_configs;
pub(crate) mod describe_groups;
pub(crate) mod describe_log_dirs;
pub(crate) mod describe_producers;
pub(crate) mod describe_quorum;
pub(crate) mod describe_topic_partitions;
pub(crate) mod describe_transactions;
pub(crate) mod elect_leaders;
pub(crate) mod end_txn;
pub(crate) mod find_coordinator;
pub(crate) mod heartbeat;
pub(crate) mod incremental_alter_configs;
pub(crate) mod init_producer_id;
pub(crate) mod join_group;
pub(crate) mod leave_group;
pub(crate) mod list_groups;
pub(crate) mod list_offsets;
pub(crate) mod list_partition_reassignments;
pub(crate) mod list_transactions;
pub(crate) mod metadata;
pub(crate) mod offset_commit;
pub(crate) mod offset_delete;
pub(crate) mod offset_fetch;
pub(crate) mod offset_for_leader_epoch;
pub(crate) mod sync_group;
pub(crate) mod txn_offset_commit;
pub(crate) mod update_features;
pub(crate) mod write_txn_markers;

use std::fmt::Debug;

use kring_wire::ErrorCode;

use crate::call::Caller;
use crate::event::Output;

/// An engine answered something else than was asked, which only a bug can do.
fn wrong_kind(caller: Caller, response: &dyn Debug, out: &mut Output) {
    tracing::error!(
        ?response,
        "the engine answered another question; connection closed"
    );
    caller.close(out);
}

/// An error for a client that may not know `PRODUCER_FENCED` yet (KIP-588).
fn fenced(error: ErrorCode, is_known: bool) -> ErrorCode {
    match error {
        ErrorCode::ProducerFenced if !is_known => ErrorCode::InvalidProducerEpoch,
        other => other,
    }
}
