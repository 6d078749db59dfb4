//! The table of served APIs, and the way of a frame to its handler.
//! Handlers live in `api`, `produce` and `fetch`; this file knows only keys and versions.

use bytes::Bytes;
use kring_io::{Now, RequestId};
use kring_wire::{RequestHeader, bounds, fetch as wire_fetch, header, produce as wire_produce};

use crate::api;
use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::event::Output;
use crate::{fetch, produce};

/// Answers a call, now or later. An error closes the connection.
pub(crate) type Handler = fn(&mut Broker, Now, Call, &mut Output) -> Result<(), Unreadable>;

/// One served API.
pub(crate) struct Api {
    /// Kafka's number of it.
    pub(crate) key: i16,
    /// Kafka's name of it, for logs and metrics.
    pub(crate) name: &'static str,
    /// Lowest served version.
    pub(crate) min: i16,
    /// Highest served version: that of Kafka 4.4.
    pub(crate) max: i16,
    /// Who answers.
    pub(crate) handler: Handler,
}

const fn api(key: i16, name: &'static str, min: i16, max: i16, handler: Handler) -> Api {
    Api {
        key,
        name,
        min,
        max,
        handler,
    }
}

/// Every served API, ascending by key. What is not here is not advertised and closes the connection.
///
/// Produce is advertised from 0 because librdkafka before 2.x takes a higher minimum for a broker
/// without support of its oldest format (KAFKA-18659); versions below 3 get an error code.
pub(crate) const APIS: &[Api] = &[
    api(0, "Produce", 0, 13, produce::handle),
    api(1, "Fetch", 4, 18, fetch::handle),
    api(2, "ListOffsets", 1, 11, api::list_offsets::handle),
    api(3, "Metadata", 0, 13, api::metadata::handle),
    api(8, "OffsetCommit", 2, 10, api::offset_commit::handle),
    api(9, "OffsetFetch", 1, 10, api::offset_fetch::handle),
    api(10, "FindCoordinator", 0, 6, api::find_coordinator::handle),
    api(11, "JoinGroup", 0, 9, api::join_group::handle),
    api(12, "Heartbeat", 0, 4, api::heartbeat::handle),
    api(13, "LeaveGroup", 0, 5, api::leave_group::handle),
    api(14, "SyncGroup", 0, 5, api::sync_group::handle),
    api(15, "DescribeGroups", 0, 6, api::describe_groups::handle),
    api(16, "ListGroups", 0, 5, api::list_groups::handle),
    api(18, "ApiVersions", 0, 5, api::api_versions::handle),
    api(19, "CreateTopics", 2, 7, api::create_topics::handle),
    api(20, "DeleteTopics", 1, 6, api::delete_topics::handle),
    api(21, "DeleteRecords", 0, 2, api::delete_records::handle),
    api(22, "InitProducerId", 0, 5, api::init_producer_id::handle),
    api(
        23,
        "OffsetForLeaderEpoch",
        2,
        4,
        api::offset_for_leader_epoch::handle,
    ),
    api(
        24,
        "AddPartitionsToTxn",
        0,
        5,
        api::add_partitions_to_txn::handle,
    ),
    api(25, "AddOffsetsToTxn", 0, 4, api::add_offsets_to_txn::handle),
    api(26, "EndTxn", 0, 5, api::end_txn::handle),
    api(27, "WriteTxnMarkers", 1, 2, api::write_txn_markers::handle),
    api(28, "TxnOffsetCommit", 0, 6, api::txn_offset_commit::handle),
    api(32, "DescribeConfigs", 1, 4, api::describe_configs::handle),
    api(33, "AlterConfigs", 0, 2, api::alter_configs::handle),
    api(
        34,
        "AlterReplicaLogDirs",
        1,
        2,
        api::alter_replica_log_dirs::handle,
    ),
    api(35, "DescribeLogDirs", 1, 5, api::describe_log_dirs::handle),
    api(37, "CreatePartitions", 0, 3, api::create_partitions::handle),
    api(42, "DeleteGroups", 0, 3, api::delete_groups::handle),
    api(43, "ElectLeaders", 0, 2, api::elect_leaders::handle),
    api(
        44,
        "IncrementalAlterConfigs",
        0,
        1,
        api::incremental_alter_configs::handle,
    ),
    api(
        45,
        "AlterPartitionReassignments",
        0,
        1,
        api::alter_partition_reassignments::handle,
    ),
    api(
        46,
        "ListPartitionReassignments",
        0,
        0,
        api::list_partition_reassignments::handle,
    ),
    api(47, "OffsetDelete", 0, 0, api::offset_delete::handle),
    api(55, "DescribeQuorum", 0, 2, api::describe_quorum::handle),
    api(57, "UpdateFeatures", 0, 2, api::update_features::handle),
    api(60, "DescribeCluster", 0, 2, api::describe_cluster::handle),
    api(
        61,
        "DescribeProducers",
        0,
        0,
        api::describe_producers::handle,
    ),
    api(
        65,
        "DescribeTransactions",
        0,
        0,
        api::describe_transactions::handle,
    ),
    api(66, "ListTransactions", 0, 2, api::list_transactions::handle),
    api(
        68,
        "ConsumerGroupHeartbeat",
        0,
        1,
        api::consumer_group_heartbeat::handle,
    ),
    api(
        69,
        "ConsumerGroupDescribe",
        0,
        1,
        api::consumer_group_describe::handle,
    ),
    api(
        75,
        "DescribeTopicPartitions",
        0,
        0,
        api::describe_topic_partitions::handle,
    ),
];

/// The served API with this key.
pub(crate) fn find(key: i16) -> Option<&'static Api> {
    APIS.binary_search_by_key(&key, |api| api.key)
        .ok()
        .map(|at| &APIS[at])
}

/// Takes a frame of a client. What cannot be read, or is of an API or version that is not served,
/// closes the connection, as in Kafka; only ApiVersions has an answer for an unknown version.
pub(crate) fn request(
    broker: &mut Broker,
    now: Now,
    id: RequestId,
    mut frame: Bytes,
    out: &mut Output,
) {
    let header = match RequestHeader::parse(&mut frame) {
        Ok(header) => header,
        Err(error) => return refuse(broker, id, &error, out),
    };
    let caller = Caller {
        request: id,
        version: header.api_version,
        correlation_id: header.correlation_id,
    };
    let Some(api) = find(header.api_key) else {
        let key = header.api_key;
        return refuse(broker, id, &format!("API key {key} is not served"), out);
    };
    broker.counters.request(api.key);
    if !(api.min..=api.max).contains(&header.api_version) {
        if api.key == header::API_VERSIONS_KEY {
            return api::api_versions::refuse_version(caller, out);
        }
        let (name, version, min, max) = (api.name, header.api_version, api.min, api.max);
        let reason = format!("{name} has the versions {min} to {max} here, not {version}");
        return refuse(broker, id, &reason, out);
    }
    // Produce and Fetch are read by codecs of our own, which reserve nothing by claim.
    let own_codec = matches!(api.key, wire_produce::API_KEY | wire_fetch::API_KEY);
    if !own_codec && let Err(error) = bounds::check(api.key, header.api_version, &frame) {
        return refuse(broker, id, &error, out);
    }
    let call = Call {
        caller,
        client_id: header.client_id,
        body: frame,
    };
    if let Err(error) = (api.handler)(broker, now, call, out) {
        refuse(broker, id, &error, out);
    }
}

/// Closes the connection of a request that cannot be read.
pub(crate) fn refuse(
    broker: &mut Broker,
    id: RequestId,
    reason: &dyn std::fmt::Display,
    out: &mut Output,
) {
    tracing::warn!(conn = id.conn.0, %reason, "connection closed");
    broker.counters.refused_requests += 1;
    out.effects.close.push(id.conn);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_keys_and_has_kafkas_versions() {
        assert!(APIS.is_sorted_by_key(|api| api.key));
        for api in APIS {
            assert_eq!(bounds::name(api.key), Some(api.name));
            let kafka = bounds::versions(api.key).unwrap();
            // Version 6 of InitProducerId is unstable in Kafka 4.4, which does not advertise it.
            let unstable = i16::from(api.name == "InitProducerId");
            assert_eq!(api.max, *kafka.end() - unstable, "{}", api.name);
            if api.key != wire_produce::API_KEY {
                assert_eq!(api.min, *kafka.start(), "{}", api.name);
            }
        }
    }
}
