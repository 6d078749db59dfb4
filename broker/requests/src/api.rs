//! One module per Kafka API that is not Produce or Fetch. Each opens with its contract.
//! This file only lists them.

pub(crate) mod alter_partition_reassignments;
pub(crate) mod api_versions;
pub(crate) mod create_partitions;
pub(crate) mod create_topics;
pub(crate) mod delete_groups;
pub(crate) mod delete_records;
pub(crate) mod delete_topics;
pub(crate) mod describe_cluster;
pub(crate) mod describe_configs;
pub(crate) mod describe_groups;
pub(crate) mod describe_log_dirs;
pub(crate) mod describe_topic_partitions;
pub(crate) mod elect_leaders;
pub(crate) mod find_coordinator;
pub(crate) mod heartbeat;
pub(crate) mod incremental_alter_configs;
pub(crate) mod init_producer_id;
pub(crate) mod join_group;
pub(crate) mod leave_group;
pub(crate) mod list_groups;
pub(crate) mod list_offsets;
pub(crate) mod list_partition_reassignments;
pub(crate) mod metadata;
pub(crate) mod offset_commit;
pub(crate) mod offset_delete;
pub(crate) mod offset_fetch;
pub(crate) mod offset_for_leader_epoch;
pub(crate) mod sync_group;

use kring_groups::GroupResponse;

use crate::call::Caller;
use crate::event::Output;

/// The group engine answered something else than was asked, which only a bug can do.
fn wrong_kind(caller: Caller, response: &GroupResponse, out: &mut Output) {
    tracing::error!(
        ?response,
        "the group engine answered another question; connection closed"
    );
    caller.close(out);
}
