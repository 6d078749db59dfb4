//! The request schemas of Apache Kafka 4.4.0, condensed: which field has which shape in which versions.
//! Printed by `examples/generate_bounds.rs`; not edited by hand.

use super::schema::{Api, Field, Kind, LAST, NEVER, UNTAGGED};
use Kind::{Array, Bytes, Fixed, String, Struct};

/// Every request that a broker's client listener may get, in the order of the API keys.
#[rustfmt::skip]
pub(super) static APIS: &[Api] = &[
    Api { key: 0, name: "Produce", from: 3, to: 13, flexible_from: 9, fields: &[
        Field("TransactionalId", String, 3, LAST, 3, UNTAGGED),
        Field("Acks", Fixed(2), 0, LAST, NEVER, UNTAGGED),
        Field("TimeoutMs", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("TopicData", Array(&Struct(&[
            Field("Name", String, 0, 12, NEVER, UNTAGGED),
            Field("TopicId", Fixed(16), 13, LAST, NEVER, UNTAGGED),
            Field("PartitionData", Array(&Struct(&[
                Field("Index", Fixed(4), 0, LAST, NEVER, UNTAGGED),
                Field("Records", Bytes, 0, LAST, 0, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 1, name: "Fetch", from: 4, to: 18, flexible_from: 12, fields: &[
        Field("ClusterId", String, 12, LAST, 12, 0),
        Field("ReplicaId", Fixed(4), 0, 14, NEVER, UNTAGGED),
        Field("ReplicaState", Struct(&[
            Field("ReplicaId", Fixed(4), 15, LAST, NEVER, UNTAGGED),
            Field("ReplicaEpoch", Fixed(8), 15, LAST, NEVER, UNTAGGED),
        ]), 15, LAST, NEVER, 1),
        Field("MaxWaitMs", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("MinBytes", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("MaxBytes", Fixed(4), 3, LAST, NEVER, UNTAGGED),
        Field("IsolationLevel", Fixed(1), 4, LAST, NEVER, UNTAGGED),
        Field("SessionId", Fixed(4), 7, LAST, NEVER, UNTAGGED),
        Field("SessionEpoch", Fixed(4), 7, LAST, NEVER, UNTAGGED),
        Field("Topics", Array(&Struct(&[
            Field("Topic", String, 0, 12, NEVER, UNTAGGED),
            Field("TopicId", Fixed(16), 13, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Struct(&[
                Field("Partition", Fixed(4), 0, LAST, NEVER, UNTAGGED),
                Field("CurrentLeaderEpoch", Fixed(4), 9, LAST, NEVER, UNTAGGED),
                Field("FetchOffset", Fixed(8), 0, LAST, NEVER, UNTAGGED),
                Field("LastFetchedEpoch", Fixed(4), 12, LAST, NEVER, UNTAGGED),
                Field("LogStartOffset", Fixed(8), 5, LAST, NEVER, UNTAGGED),
                Field("PartitionMaxBytes", Fixed(4), 0, LAST, NEVER, UNTAGGED),
                Field("ReplicaDirectoryId", Fixed(16), 17, LAST, NEVER, 0),
                Field("HighWatermark", Fixed(8), 18, LAST, NEVER, 1),
            ])), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
        Field("ForgottenTopicsData", Array(&Struct(&[
            Field("Topic", String, 7, 12, NEVER, UNTAGGED),
            Field("TopicId", Fixed(16), 13, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Fixed(4)), 7, LAST, NEVER, UNTAGGED),
        ])), 7, LAST, NEVER, UNTAGGED),
        Field("RackId", String, 11, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 2, name: "ListOffsets", from: 1, to: 11, flexible_from: 6, fields: &[
        Field("ReplicaId", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("IsolationLevel", Fixed(1), 2, LAST, NEVER, UNTAGGED),
        Field("Topics", Array(&Struct(&[
            Field("Name", String, 0, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Struct(&[
                Field("PartitionIndex", Fixed(4), 0, LAST, NEVER, UNTAGGED),
                Field("CurrentLeaderEpoch", Fixed(4), 4, LAST, NEVER, UNTAGGED),
                Field("Timestamp", Fixed(8), 0, LAST, NEVER, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
        Field("TimeoutMs", Fixed(4), 10, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 3, name: "Metadata", from: 0, to: 13, flexible_from: 9, fields: &[
        Field("Topics", Array(&Struct(&[
            Field("TopicId", Fixed(16), 10, LAST, NEVER, UNTAGGED),
            Field("Name", String, 0, LAST, 10, UNTAGGED),
        ])), 0, LAST, 1, UNTAGGED),
        Field("AllowAutoTopicCreation", Fixed(1), 4, LAST, NEVER, UNTAGGED),
        Field("IncludeClusterAuthorizedOperations", Fixed(1), 8, 10, NEVER, UNTAGGED),
        Field("IncludeTopicAuthorizedOperations", Fixed(1), 8, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 8, name: "OffsetCommit", from: 2, to: 10, flexible_from: 8, fields: &[
        Field("GroupId", String, 0, LAST, NEVER, UNTAGGED),
        Field("GenerationIdOrMemberEpoch", Fixed(4), 1, LAST, NEVER, UNTAGGED),
        Field("MemberId", String, 1, LAST, NEVER, UNTAGGED),
        Field("GroupInstanceId", String, 7, LAST, 7, UNTAGGED),
        Field("RetentionTimeMs", Fixed(8), 2, 4, NEVER, UNTAGGED),
        Field("Topics", Array(&Struct(&[
            Field("Name", String, 0, 9, NEVER, UNTAGGED),
            Field("TopicId", Fixed(16), 10, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Struct(&[
                Field("PartitionIndex", Fixed(4), 0, LAST, NEVER, UNTAGGED),
                Field("CommittedOffset", Fixed(8), 0, LAST, NEVER, UNTAGGED),
                Field("CommittedLeaderEpoch", Fixed(4), 6, LAST, NEVER, UNTAGGED),
                Field("CommittedMetadata", String, 0, LAST, 0, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 9, name: "OffsetFetch", from: 1, to: 10, flexible_from: 6, fields: &[
        Field("GroupId", String, 0, 7, NEVER, UNTAGGED),
        Field("Topics", Array(&Struct(&[
            Field("Name", String, 0, 7, NEVER, UNTAGGED),
            Field("PartitionIndexes", Array(&Fixed(4)), 0, 7, NEVER, UNTAGGED),
        ])), 0, 7, 2, UNTAGGED),
        Field("Groups", Array(&Struct(&[
            Field("GroupId", String, 8, LAST, NEVER, UNTAGGED),
            Field("MemberId", String, 9, LAST, 9, UNTAGGED),
            Field("MemberEpoch", Fixed(4), 9, LAST, NEVER, UNTAGGED),
            Field("Topics", Array(&Struct(&[
                Field("Name", String, 8, 9, NEVER, UNTAGGED),
                Field("TopicId", Fixed(16), 10, LAST, NEVER, UNTAGGED),
                Field("PartitionIndexes", Array(&Fixed(4)), 8, LAST, NEVER, UNTAGGED),
            ])), 8, LAST, 8, UNTAGGED),
        ])), 8, LAST, NEVER, UNTAGGED),
        Field("RequireStable", Fixed(1), 7, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 10, name: "FindCoordinator", from: 0, to: 6, flexible_from: 3, fields: &[
        Field("Key", String, 0, 3, NEVER, UNTAGGED),
        Field("KeyType", Fixed(1), 1, LAST, NEVER, UNTAGGED),
        Field("CoordinatorKeys", Array(&String), 4, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 11, name: "JoinGroup", from: 0, to: 9, flexible_from: 6, fields: &[
        Field("GroupId", String, 0, LAST, NEVER, UNTAGGED),
        Field("SessionTimeoutMs", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("RebalanceTimeoutMs", Fixed(4), 1, LAST, NEVER, UNTAGGED),
        Field("MemberId", String, 0, LAST, NEVER, UNTAGGED),
        Field("GroupInstanceId", String, 5, LAST, 5, UNTAGGED),
        Field("ProtocolType", String, 0, LAST, NEVER, UNTAGGED),
        Field("Protocols", Array(&Struct(&[
            Field("Name", String, 0, LAST, NEVER, UNTAGGED),
            Field("Metadata", Bytes, 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
        Field("Reason", String, 8, LAST, 8, UNTAGGED),
    ] },
    Api { key: 12, name: "Heartbeat", from: 0, to: 4, flexible_from: 4, fields: &[
        Field("GroupId", String, 0, LAST, NEVER, UNTAGGED),
        Field("GenerationId", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("MemberId", String, 0, LAST, NEVER, UNTAGGED),
        Field("GroupInstanceId", String, 3, LAST, 3, UNTAGGED),
    ] },
    Api { key: 13, name: "LeaveGroup", from: 0, to: 5, flexible_from: 4, fields: &[
        Field("GroupId", String, 0, LAST, NEVER, UNTAGGED),
        Field("MemberId", String, 0, 2, NEVER, UNTAGGED),
        Field("Members", Array(&Struct(&[
            Field("MemberId", String, 3, LAST, NEVER, UNTAGGED),
            Field("GroupInstanceId", String, 3, LAST, 3, UNTAGGED),
            Field("Reason", String, 5, LAST, 5, UNTAGGED),
        ])), 3, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 14, name: "SyncGroup", from: 0, to: 5, flexible_from: 4, fields: &[
        Field("GroupId", String, 0, LAST, NEVER, UNTAGGED),
        Field("GenerationId", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("MemberId", String, 0, LAST, NEVER, UNTAGGED),
        Field("GroupInstanceId", String, 3, LAST, 3, UNTAGGED),
        Field("ProtocolType", String, 5, LAST, 5, UNTAGGED),
        Field("ProtocolName", String, 5, LAST, 5, UNTAGGED),
        Field("Assignments", Array(&Struct(&[
            Field("MemberId", String, 0, LAST, NEVER, UNTAGGED),
            Field("Assignment", Bytes, 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 15, name: "DescribeGroups", from: 0, to: 6, flexible_from: 5, fields: &[
        Field("Groups", Array(&String), 0, LAST, NEVER, UNTAGGED),
        Field("IncludeAuthorizedOperations", Fixed(1), 3, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 16, name: "ListGroups", from: 0, to: 5, flexible_from: 3, fields: &[
        Field("StatesFilter", Array(&String), 4, LAST, NEVER, UNTAGGED),
        Field("TypesFilter", Array(&String), 5, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 17, name: "SaslHandshake", from: 0, to: 1, flexible_from: LAST, fields: &[
        Field("Mechanism", String, 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 18, name: "ApiVersions", from: 0, to: 5, flexible_from: 3, fields: &[
        Field("ClientSoftwareName", String, 3, LAST, NEVER, UNTAGGED),
        Field("ClientSoftwareVersion", String, 3, LAST, NEVER, UNTAGGED),
        Field("ClusterId", String, 5, LAST, 5, UNTAGGED),
        Field("NodeId", Fixed(4), 5, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 19, name: "CreateTopics", from: 2, to: 7, flexible_from: 5, fields: &[
        Field("Topics", Array(&Struct(&[
            Field("Name", String, 0, LAST, NEVER, UNTAGGED),
            Field("NumPartitions", Fixed(4), 0, LAST, NEVER, UNTAGGED),
            Field("ReplicationFactor", Fixed(2), 0, LAST, NEVER, UNTAGGED),
            Field("Assignments", Array(&Struct(&[
                Field("PartitionIndex", Fixed(4), 0, LAST, NEVER, UNTAGGED),
                Field("BrokerIds", Array(&Fixed(4)), 0, LAST, NEVER, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
            Field("Configs", Array(&Struct(&[
                Field("Name", String, 0, LAST, NEVER, UNTAGGED),
                Field("Value", String, 0, LAST, 0, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
        Field("timeoutMs", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("validateOnly", Fixed(1), 1, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 20, name: "DeleteTopics", from: 1, to: 6, flexible_from: 4, fields: &[
        Field("Topics", Array(&Struct(&[
            Field("Name", String, 6, LAST, 6, UNTAGGED),
            Field("TopicId", Fixed(16), 6, LAST, NEVER, UNTAGGED),
        ])), 6, LAST, NEVER, UNTAGGED),
        Field("TopicNames", Array(&String), 0, 5, NEVER, UNTAGGED),
        Field("TimeoutMs", Fixed(4), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 21, name: "DeleteRecords", from: 0, to: 2, flexible_from: 2, fields: &[
        Field("Topics", Array(&Struct(&[
            Field("Name", String, 0, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Struct(&[
                Field("PartitionIndex", Fixed(4), 0, LAST, NEVER, UNTAGGED),
                Field("Offset", Fixed(8), 0, LAST, NEVER, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
        Field("TimeoutMs", Fixed(4), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 22, name: "InitProducerId", from: 0, to: 6, flexible_from: 2, fields: &[
        Field("TransactionalId", String, 0, LAST, 0, UNTAGGED),
        Field("TransactionTimeoutMs", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("ProducerId", Fixed(8), 3, LAST, NEVER, UNTAGGED),
        Field("ProducerEpoch", Fixed(2), 3, LAST, NEVER, UNTAGGED),
        Field("Enable2Pc", Fixed(1), 6, LAST, NEVER, UNTAGGED),
        Field("KeepPreparedTxn", Fixed(1), 6, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 23, name: "OffsetForLeaderEpoch", from: 2, to: 4, flexible_from: 4, fields: &[
        Field("ReplicaId", Fixed(4), 3, LAST, NEVER, UNTAGGED),
        Field("Topics", Array(&Struct(&[
            Field("Topic", String, 0, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Struct(&[
                Field("Partition", Fixed(4), 0, LAST, NEVER, UNTAGGED),
                Field("CurrentLeaderEpoch", Fixed(4), 2, LAST, NEVER, UNTAGGED),
                Field("LeaderEpoch", Fixed(4), 0, LAST, NEVER, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 24, name: "AddPartitionsToTxn", from: 0, to: 5, flexible_from: 3, fields: &[
        Field("Transactions", Array(&Struct(&[
            Field("TransactionalId", String, 4, LAST, NEVER, UNTAGGED),
            Field("ProducerId", Fixed(8), 4, LAST, NEVER, UNTAGGED),
            Field("ProducerEpoch", Fixed(2), 4, LAST, NEVER, UNTAGGED),
            Field("VerifyOnly", Fixed(1), 4, LAST, NEVER, UNTAGGED),
            Field("Topics", Array(&Struct(&[
                Field("Name", String, 0, LAST, NEVER, UNTAGGED),
                Field("Partitions", Array(&Fixed(4)), 0, LAST, NEVER, UNTAGGED),
            ])), 4, LAST, NEVER, UNTAGGED),
        ])), 4, LAST, NEVER, UNTAGGED),
        Field("V3AndBelowTransactionalId", String, 0, 3, NEVER, UNTAGGED),
        Field("V3AndBelowProducerId", Fixed(8), 0, 3, NEVER, UNTAGGED),
        Field("V3AndBelowProducerEpoch", Fixed(2), 0, 3, NEVER, UNTAGGED),
        Field("V3AndBelowTopics", Array(&Struct(&[
            Field("Name", String, 0, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Fixed(4)), 0, LAST, NEVER, UNTAGGED),
        ])), 0, 3, NEVER, UNTAGGED),
    ] },
    Api { key: 25, name: "AddOffsetsToTxn", from: 0, to: 4, flexible_from: 3, fields: &[
        Field("TransactionalId", String, 0, LAST, NEVER, UNTAGGED),
        Field("ProducerId", Fixed(8), 0, LAST, NEVER, UNTAGGED),
        Field("ProducerEpoch", Fixed(2), 0, LAST, NEVER, UNTAGGED),
        Field("GroupId", String, 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 26, name: "EndTxn", from: 0, to: 5, flexible_from: 3, fields: &[
        Field("TransactionalId", String, 0, LAST, NEVER, UNTAGGED),
        Field("ProducerId", Fixed(8), 0, LAST, NEVER, UNTAGGED),
        Field("ProducerEpoch", Fixed(2), 0, LAST, NEVER, UNTAGGED),
        Field("Committed", Fixed(1), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 27, name: "WriteTxnMarkers", from: 1, to: 2, flexible_from: 1, fields: &[
        Field("Markers", Array(&Struct(&[
            Field("ProducerId", Fixed(8), 0, LAST, NEVER, UNTAGGED),
            Field("ProducerEpoch", Fixed(2), 0, LAST, NEVER, UNTAGGED),
            Field("TransactionResult", Fixed(1), 0, LAST, NEVER, UNTAGGED),
            Field("Topics", Array(&Struct(&[
                Field("Name", String, 0, LAST, NEVER, UNTAGGED),
                Field("PartitionIndexes", Array(&Fixed(4)), 0, LAST, NEVER, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
            Field("CoordinatorEpoch", Fixed(4), 0, LAST, NEVER, UNTAGGED),
            Field("TransactionVersion", Fixed(1), 2, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 28, name: "TxnOffsetCommit", from: 0, to: 6, flexible_from: 3, fields: &[
        Field("TransactionalId", String, 0, LAST, NEVER, UNTAGGED),
        Field("GroupId", String, 0, LAST, NEVER, UNTAGGED),
        Field("ProducerId", Fixed(8), 0, LAST, NEVER, UNTAGGED),
        Field("ProducerEpoch", Fixed(2), 0, LAST, NEVER, UNTAGGED),
        Field("GenerationIdOrMemberEpoch", Fixed(4), 3, LAST, NEVER, UNTAGGED),
        Field("MemberId", String, 3, LAST, NEVER, UNTAGGED),
        Field("GroupInstanceId", String, 3, LAST, 3, UNTAGGED),
        Field("Topics", Array(&Struct(&[
            Field("Name", String, 0, 5, NEVER, UNTAGGED),
            Field("TopicId", Fixed(16), 6, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Struct(&[
                Field("PartitionIndex", Fixed(4), 0, LAST, NEVER, UNTAGGED),
                Field("CommittedOffset", Fixed(8), 0, LAST, NEVER, UNTAGGED),
                Field("CommittedLeaderEpoch", Fixed(4), 2, LAST, NEVER, UNTAGGED),
                Field("CommittedMetadata", String, 0, LAST, 0, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 29, name: "DescribeAcls", from: 1, to: 3, flexible_from: 2, fields: &[
        Field("ResourceTypeFilter", Fixed(1), 0, LAST, NEVER, UNTAGGED),
        Field("ResourceNameFilter", String, 0, LAST, 0, UNTAGGED),
        Field("PatternTypeFilter", Fixed(1), 1, LAST, NEVER, UNTAGGED),
        Field("PrincipalFilter", String, 0, LAST, 0, UNTAGGED),
        Field("HostFilter", String, 0, LAST, 0, UNTAGGED),
        Field("Operation", Fixed(1), 0, LAST, NEVER, UNTAGGED),
        Field("PermissionType", Fixed(1), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 30, name: "CreateAcls", from: 1, to: 3, flexible_from: 2, fields: &[
        Field("Creations", Array(&Struct(&[
            Field("ResourceType", Fixed(1), 0, LAST, NEVER, UNTAGGED),
            Field("ResourceName", String, 0, LAST, NEVER, UNTAGGED),
            Field("ResourcePatternType", Fixed(1), 1, LAST, NEVER, UNTAGGED),
            Field("Principal", String, 0, LAST, NEVER, UNTAGGED),
            Field("Host", String, 0, LAST, NEVER, UNTAGGED),
            Field("Operation", Fixed(1), 0, LAST, NEVER, UNTAGGED),
            Field("PermissionType", Fixed(1), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 31, name: "DeleteAcls", from: 1, to: 3, flexible_from: 2, fields: &[
        Field("Filters", Array(&Struct(&[
            Field("ResourceTypeFilter", Fixed(1), 0, LAST, NEVER, UNTAGGED),
            Field("ResourceNameFilter", String, 0, LAST, 0, UNTAGGED),
            Field("PatternTypeFilter", Fixed(1), 1, LAST, NEVER, UNTAGGED),
            Field("PrincipalFilter", String, 0, LAST, 0, UNTAGGED),
            Field("HostFilter", String, 0, LAST, 0, UNTAGGED),
            Field("Operation", Fixed(1), 0, LAST, NEVER, UNTAGGED),
            Field("PermissionType", Fixed(1), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 32, name: "DescribeConfigs", from: 1, to: 4, flexible_from: 4, fields: &[
        Field("Resources", Array(&Struct(&[
            Field("ResourceType", Fixed(1), 0, LAST, NEVER, UNTAGGED),
            Field("ResourceName", String, 0, LAST, NEVER, UNTAGGED),
            Field("ConfigurationKeys", Array(&String), 0, LAST, 0, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
        Field("IncludeSynonyms", Fixed(1), 1, LAST, NEVER, UNTAGGED),
        Field("IncludeDocumentation", Fixed(1), 3, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 33, name: "AlterConfigs", from: 0, to: 2, flexible_from: 2, fields: &[
        Field("Resources", Array(&Struct(&[
            Field("ResourceType", Fixed(1), 0, LAST, NEVER, UNTAGGED),
            Field("ResourceName", String, 0, LAST, NEVER, UNTAGGED),
            Field("Configs", Array(&Struct(&[
                Field("Name", String, 0, LAST, NEVER, UNTAGGED),
                Field("Value", String, 0, LAST, 0, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
        Field("ValidateOnly", Fixed(1), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 34, name: "AlterReplicaLogDirs", from: 1, to: 2, flexible_from: 2, fields: &[
        Field("Dirs", Array(&Struct(&[
            Field("Path", String, 0, LAST, NEVER, UNTAGGED),
            Field("Topics", Array(&Struct(&[
                Field("Name", String, 0, LAST, NEVER, UNTAGGED),
                Field("Partitions", Array(&Fixed(4)), 0, LAST, NEVER, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 35, name: "DescribeLogDirs", from: 1, to: 5, flexible_from: 2, fields: &[
        Field("Topics", Array(&Struct(&[
            Field("Topic", String, 0, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Fixed(4)), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, 0, UNTAGGED),
    ] },
    Api { key: 36, name: "SaslAuthenticate", from: 0, to: 2, flexible_from: 2, fields: &[
        Field("AuthBytes", Bytes, 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 37, name: "CreatePartitions", from: 0, to: 3, flexible_from: 2, fields: &[
        Field("Topics", Array(&Struct(&[
            Field("Name", String, 0, LAST, NEVER, UNTAGGED),
            Field("Count", Fixed(4), 0, LAST, NEVER, UNTAGGED),
            Field("Assignments", Array(&Struct(&[
                Field("BrokerIds", Array(&Fixed(4)), 0, LAST, NEVER, UNTAGGED),
            ])), 0, LAST, 0, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
        Field("TimeoutMs", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("ValidateOnly", Fixed(1), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 38, name: "CreateDelegationToken", from: 1, to: 3, flexible_from: 2, fields: &[
        Field("OwnerPrincipalType", String, 3, LAST, 3, UNTAGGED),
        Field("OwnerPrincipalName", String, 3, LAST, 3, UNTAGGED),
        Field("Renewers", Array(&Struct(&[
            Field("PrincipalType", String, 0, LAST, NEVER, UNTAGGED),
            Field("PrincipalName", String, 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
        Field("MaxLifetimeMs", Fixed(8), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 39, name: "RenewDelegationToken", from: 1, to: 2, flexible_from: 2, fields: &[
        Field("Hmac", Bytes, 0, LAST, NEVER, UNTAGGED),
        Field("RenewPeriodMs", Fixed(8), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 40, name: "ExpireDelegationToken", from: 1, to: 2, flexible_from: 2, fields: &[
        Field("Hmac", Bytes, 0, LAST, NEVER, UNTAGGED),
        Field("ExpiryTimePeriodMs", Fixed(8), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 41, name: "DescribeDelegationToken", from: 1, to: 3, flexible_from: 2, fields: &[
        Field("Owners", Array(&Struct(&[
            Field("PrincipalType", String, 0, LAST, NEVER, UNTAGGED),
            Field("PrincipalName", String, 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, 0, UNTAGGED),
    ] },
    Api { key: 42, name: "DeleteGroups", from: 0, to: 3, flexible_from: 2, fields: &[
        Field("GroupsNames", Array(&String), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 43, name: "ElectLeaders", from: 0, to: 2, flexible_from: 2, fields: &[
        Field("ElectionType", Fixed(1), 1, LAST, NEVER, UNTAGGED),
        Field("TopicPartitions", Array(&Struct(&[
            Field("Topic", String, 0, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Fixed(4)), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, 0, UNTAGGED),
        Field("TimeoutMs", Fixed(4), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 44, name: "IncrementalAlterConfigs", from: 0, to: 1, flexible_from: 1, fields: &[
        Field("Resources", Array(&Struct(&[
            Field("ResourceType", Fixed(1), 0, LAST, NEVER, UNTAGGED),
            Field("ResourceName", String, 0, LAST, NEVER, UNTAGGED),
            Field("Configs", Array(&Struct(&[
                Field("Name", String, 0, LAST, NEVER, UNTAGGED),
                Field("ConfigOperation", Fixed(1), 0, LAST, NEVER, UNTAGGED),
                Field("Value", String, 0, LAST, 0, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
        Field("ValidateOnly", Fixed(1), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 45, name: "AlterPartitionReassignments", from: 0, to: 1, flexible_from: 0, fields: &[
        Field("TimeoutMs", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("AllowReplicationFactorChange", Fixed(1), 1, LAST, NEVER, UNTAGGED),
        Field("Topics", Array(&Struct(&[
            Field("Name", String, 0, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Struct(&[
                Field("PartitionIndex", Fixed(4), 0, LAST, NEVER, UNTAGGED),
                Field("Replicas", Array(&Fixed(4)), 0, LAST, 0, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 46, name: "ListPartitionReassignments", from: 0, to: 0, flexible_from: 0, fields: &[
        Field("TimeoutMs", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("Topics", Array(&Struct(&[
            Field("Name", String, 0, LAST, NEVER, UNTAGGED),
            Field("PartitionIndexes", Array(&Fixed(4)), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, 0, UNTAGGED),
    ] },
    Api { key: 47, name: "OffsetDelete", from: 0, to: 0, flexible_from: LAST, fields: &[
        Field("GroupId", String, 0, LAST, NEVER, UNTAGGED),
        Field("Topics", Array(&Struct(&[
            Field("Name", String, 0, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Struct(&[
                Field("PartitionIndex", Fixed(4), 0, LAST, NEVER, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 48, name: "DescribeClientQuotas", from: 0, to: 1, flexible_from: 1, fields: &[
        Field("Components", Array(&Struct(&[
            Field("EntityType", String, 0, LAST, NEVER, UNTAGGED),
            Field("MatchType", Fixed(1), 0, LAST, NEVER, UNTAGGED),
            Field("Match", String, 0, LAST, 0, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
        Field("Strict", Fixed(1), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 49, name: "AlterClientQuotas", from: 0, to: 1, flexible_from: 1, fields: &[
        Field("Entries", Array(&Struct(&[
            Field("Entity", Array(&Struct(&[
                Field("EntityType", String, 0, LAST, NEVER, UNTAGGED),
                Field("EntityName", String, 0, LAST, 0, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
            Field("Ops", Array(&Struct(&[
                Field("Key", String, 0, LAST, NEVER, UNTAGGED),
                Field("Value", Fixed(8), 0, LAST, NEVER, UNTAGGED),
                Field("Remove", Fixed(1), 0, LAST, NEVER, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
        Field("ValidateOnly", Fixed(1), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 50, name: "DescribeUserScramCredentials", from: 0, to: 0, flexible_from: 0, fields: &[
        Field("Users", Array(&Struct(&[
            Field("Name", String, 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, 0, UNTAGGED),
    ] },
    Api { key: 51, name: "AlterUserScramCredentials", from: 0, to: 0, flexible_from: 0, fields: &[
        Field("Deletions", Array(&Struct(&[
            Field("Name", String, 0, LAST, NEVER, UNTAGGED),
            Field("Mechanism", Fixed(1), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
        Field("Upsertions", Array(&Struct(&[
            Field("Name", String, 0, LAST, NEVER, UNTAGGED),
            Field("Mechanism", Fixed(1), 0, LAST, NEVER, UNTAGGED),
            Field("Iterations", Fixed(4), 0, LAST, NEVER, UNTAGGED),
            Field("Salt", Bytes, 0, LAST, NEVER, UNTAGGED),
            Field("SaltedPassword", Bytes, 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 55, name: "DescribeQuorum", from: 0, to: 2, flexible_from: 0, fields: &[
        Field("Topics", Array(&Struct(&[
            Field("TopicName", String, 0, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Struct(&[
                Field("PartitionIndex", Fixed(4), 0, LAST, NEVER, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 57, name: "UpdateFeatures", from: 0, to: 2, flexible_from: 0, fields: &[
        Field("timeoutMs", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("FeatureUpdates", Array(&Struct(&[
            Field("Feature", String, 0, LAST, NEVER, UNTAGGED),
            Field("MaxVersionLevel", Fixed(2), 0, LAST, NEVER, UNTAGGED),
            Field("AllowDowngrade", Fixed(1), 0, 0, NEVER, UNTAGGED),
            Field("UpgradeType", Fixed(1), 1, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
        Field("ValidateOnly", Fixed(1), 1, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 60, name: "DescribeCluster", from: 0, to: 2, flexible_from: 0, fields: &[
        Field("IncludeClusterAuthorizedOperations", Fixed(1), 0, LAST, NEVER, UNTAGGED),
        Field("EndpointType", Fixed(1), 1, LAST, NEVER, UNTAGGED),
        Field("IncludeFencedBrokers", Fixed(1), 2, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 61, name: "DescribeProducers", from: 0, to: 0, flexible_from: 0, fields: &[
        Field("Topics", Array(&Struct(&[
            Field("Name", String, 0, LAST, NEVER, UNTAGGED),
            Field("PartitionIndexes", Array(&Fixed(4)), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 64, name: "UnregisterBroker", from: 0, to: 0, flexible_from: 0, fields: &[
        Field("BrokerId", Fixed(4), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 65, name: "DescribeTransactions", from: 0, to: 0, flexible_from: 0, fields: &[
        Field("TransactionalIds", Array(&String), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 66, name: "ListTransactions", from: 0, to: 2, flexible_from: 0, fields: &[
        Field("StateFilters", Array(&String), 0, LAST, NEVER, UNTAGGED),
        Field("ProducerIdFilters", Array(&Fixed(8)), 0, LAST, NEVER, UNTAGGED),
        Field("DurationFilter", Fixed(8), 1, LAST, NEVER, UNTAGGED),
        Field("TransactionalIdPattern", String, 2, LAST, 2, UNTAGGED),
    ] },
    Api { key: 68, name: "ConsumerGroupHeartbeat", from: 0, to: 1, flexible_from: 0, fields: &[
        Field("GroupId", String, 0, LAST, NEVER, UNTAGGED),
        Field("MemberId", String, 0, LAST, NEVER, UNTAGGED),
        Field("MemberEpoch", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("InstanceId", String, 0, LAST, 0, UNTAGGED),
        Field("RackId", String, 0, LAST, 0, UNTAGGED),
        Field("RebalanceTimeoutMs", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("SubscribedTopicNames", Array(&String), 0, LAST, 0, UNTAGGED),
        Field("SubscribedTopicRegex", String, 1, LAST, 1, UNTAGGED),
        Field("ServerAssignor", String, 0, LAST, 0, UNTAGGED),
        Field("TopicPartitions", Array(&Struct(&[
            Field("TopicId", Fixed(16), 0, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Fixed(4)), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, 0, UNTAGGED),
    ] },
    Api { key: 69, name: "ConsumerGroupDescribe", from: 0, to: 1, flexible_from: 0, fields: &[
        Field("GroupIds", Array(&String), 0, LAST, NEVER, UNTAGGED),
        Field("IncludeAuthorizedOperations", Fixed(1), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 71, name: "GetTelemetrySubscriptions", from: 0, to: 0, flexible_from: 0, fields: &[
        Field("ClientInstanceId", Fixed(16), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 72, name: "PushTelemetry", from: 0, to: 0, flexible_from: 0, fields: &[
        Field("ClientInstanceId", Fixed(16), 0, LAST, NEVER, UNTAGGED),
        Field("SubscriptionId", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("Terminating", Fixed(1), 0, LAST, NEVER, UNTAGGED),
        Field("CompressionType", Fixed(1), 0, LAST, NEVER, UNTAGGED),
        Field("Metrics", Bytes, 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 74, name: "ListConfigResources", from: 0, to: 1, flexible_from: 0, fields: &[
        Field("ResourceTypes", Array(&Fixed(1)), 1, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 75, name: "DescribeTopicPartitions", from: 0, to: 0, flexible_from: 0, fields: &[
        Field("Topics", Array(&Struct(&[
            Field("Name", String, 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
        Field("ResponsePartitionLimit", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("Cursor", Struct(&[
            Field("TopicName", String, 0, LAST, NEVER, UNTAGGED),
            Field("PartitionIndex", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        ]), 0, LAST, 0, UNTAGGED),
    ] },
    Api { key: 76, name: "ShareGroupHeartbeat", from: 1, to: 1, flexible_from: 0, fields: &[
        Field("GroupId", String, 0, LAST, NEVER, UNTAGGED),
        Field("MemberId", String, 0, LAST, NEVER, UNTAGGED),
        Field("MemberEpoch", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("RackId", String, 0, LAST, 0, UNTAGGED),
        Field("SubscribedTopicNames", Array(&String), 0, LAST, 0, UNTAGGED),
    ] },
    Api { key: 77, name: "ShareGroupDescribe", from: 1, to: 1, flexible_from: 0, fields: &[
        Field("GroupIds", Array(&String), 0, LAST, NEVER, UNTAGGED),
        Field("IncludeAuthorizedOperations", Fixed(1), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 78, name: "ShareFetch", from: 1, to: 2, flexible_from: 0, fields: &[
        Field("GroupId", String, 0, LAST, 0, UNTAGGED),
        Field("MemberId", String, 0, LAST, 0, UNTAGGED),
        Field("ShareSessionEpoch", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("MaxWaitMs", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("MinBytes", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("MaxBytes", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("MaxRecords", Fixed(4), 1, LAST, NEVER, UNTAGGED),
        Field("BatchSize", Fixed(4), 1, LAST, NEVER, UNTAGGED),
        Field("ShareAcquireMode", Fixed(1), 2, LAST, NEVER, UNTAGGED),
        Field("IsRenewAck", Fixed(1), 2, LAST, NEVER, UNTAGGED),
        Field("Topics", Array(&Struct(&[
            Field("TopicId", Fixed(16), 0, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Struct(&[
                Field("PartitionIndex", Fixed(4), 0, LAST, NEVER, UNTAGGED),
                Field("PartitionMaxBytes", Fixed(4), 0, 0, NEVER, UNTAGGED),
                Field("AcknowledgementBatches", Array(&Struct(&[
                    Field("FirstOffset", Fixed(8), 0, LAST, NEVER, UNTAGGED),
                    Field("LastOffset", Fixed(8), 0, LAST, NEVER, UNTAGGED),
                    Field("AcknowledgeTypes", Array(&Fixed(1)), 0, LAST, NEVER, UNTAGGED),
                ])), 0, LAST, NEVER, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
        Field("ForgottenTopicsData", Array(&Struct(&[
            Field("TopicId", Fixed(16), 0, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Fixed(4)), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 79, name: "ShareAcknowledge", from: 1, to: 2, flexible_from: 0, fields: &[
        Field("GroupId", String, 0, LAST, 0, UNTAGGED),
        Field("MemberId", String, 0, LAST, 0, UNTAGGED),
        Field("ShareSessionEpoch", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("IsRenewAck", Fixed(1), 2, LAST, NEVER, UNTAGGED),
        Field("Topics", Array(&Struct(&[
            Field("TopicId", Fixed(16), 0, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Struct(&[
                Field("PartitionIndex", Fixed(4), 0, LAST, NEVER, UNTAGGED),
                Field("AcknowledgementBatches", Array(&Struct(&[
                    Field("FirstOffset", Fixed(8), 0, LAST, NEVER, UNTAGGED),
                    Field("LastOffset", Fixed(8), 0, LAST, NEVER, UNTAGGED),
                    Field("AcknowledgeTypes", Array(&Fixed(1)), 0, LAST, NEVER, UNTAGGED),
                ])), 0, LAST, NEVER, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 80, name: "AddRaftVoter", from: 0, to: 1, flexible_from: 0, fields: &[
        Field("ClusterId", String, 0, LAST, 0, UNTAGGED),
        Field("TimeoutMs", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("VoterId", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("VoterDirectoryId", Fixed(16), 0, LAST, NEVER, UNTAGGED),
        Field("Listeners", Array(&Struct(&[
            Field("Name", String, 0, LAST, NEVER, UNTAGGED),
            Field("Host", String, 0, LAST, NEVER, UNTAGGED),
            Field("Port", Fixed(2), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
        Field("AckWhenCommitted", Fixed(1), 1, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 81, name: "RemoveRaftVoter", from: 0, to: 0, flexible_from: 0, fields: &[
        Field("ClusterId", String, 0, LAST, 0, UNTAGGED),
        Field("VoterId", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("VoterDirectoryId", Fixed(16), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 83, name: "InitializeShareGroupState", from: 0, to: 0, flexible_from: 0, fields: &[
        Field("GroupId", String, 0, LAST, NEVER, UNTAGGED),
        Field("Topics", Array(&Struct(&[
            Field("TopicId", Fixed(16), 0, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Struct(&[
                Field("Partition", Fixed(4), 0, LAST, NEVER, UNTAGGED),
                Field("StateEpoch", Fixed(4), 0, LAST, NEVER, UNTAGGED),
                Field("StartOffset", Fixed(8), 0, LAST, NEVER, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 84, name: "ReadShareGroupState", from: 0, to: 0, flexible_from: 0, fields: &[
        Field("GroupId", String, 0, LAST, NEVER, UNTAGGED),
        Field("Topics", Array(&Struct(&[
            Field("TopicId", Fixed(16), 0, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Struct(&[
                Field("Partition", Fixed(4), 0, LAST, NEVER, UNTAGGED),
                Field("LeaderEpoch", Fixed(4), 0, LAST, NEVER, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 85, name: "WriteShareGroupState", from: 0, to: 1, flexible_from: 0, fields: &[
        Field("GroupId", String, 0, LAST, NEVER, UNTAGGED),
        Field("Topics", Array(&Struct(&[
            Field("TopicId", Fixed(16), 0, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Struct(&[
                Field("Partition", Fixed(4), 0, LAST, NEVER, UNTAGGED),
                Field("StateEpoch", Fixed(4), 0, LAST, NEVER, UNTAGGED),
                Field("LeaderEpoch", Fixed(4), 0, LAST, NEVER, UNTAGGED),
                Field("StartOffset", Fixed(8), 0, LAST, NEVER, UNTAGGED),
                Field("DeliveryCompleteCount", Fixed(4), 1, LAST, NEVER, UNTAGGED),
                Field("StateBatches", Array(&Struct(&[
                    Field("FirstOffset", Fixed(8), 0, LAST, NEVER, UNTAGGED),
                    Field("LastOffset", Fixed(8), 0, LAST, NEVER, UNTAGGED),
                    Field("DeliveryState", Fixed(1), 0, LAST, NEVER, UNTAGGED),
                    Field("DeliveryCount", Fixed(2), 0, LAST, NEVER, UNTAGGED),
                ])), 0, LAST, NEVER, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 86, name: "DeleteShareGroupState", from: 0, to: 0, flexible_from: 0, fields: &[
        Field("GroupId", String, 0, LAST, NEVER, UNTAGGED),
        Field("Topics", Array(&Struct(&[
            Field("TopicId", Fixed(16), 0, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Struct(&[
                Field("Partition", Fixed(4), 0, LAST, NEVER, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 87, name: "ReadShareGroupStateSummary", from: 0, to: 1, flexible_from: 0, fields: &[
        Field("GroupId", String, 0, LAST, NEVER, UNTAGGED),
        Field("Topics", Array(&Struct(&[
            Field("TopicId", Fixed(16), 0, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Struct(&[
                Field("Partition", Fixed(4), 0, LAST, NEVER, UNTAGGED),
                Field("LeaderEpoch", Fixed(4), 0, LAST, NEVER, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 88, name: "StreamsGroupHeartbeat", from: 0, to: 1, flexible_from: 0, fields: &[
        Field("GroupId", String, 0, LAST, NEVER, UNTAGGED),
        Field("MemberId", String, 0, LAST, NEVER, UNTAGGED),
        Field("MemberEpoch", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("EndpointInformationEpoch", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("InstanceId", String, 0, LAST, 0, UNTAGGED),
        Field("RackId", String, 0, LAST, 0, UNTAGGED),
        Field("RebalanceTimeoutMs", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("Topology", Struct(&[
            Field("Epoch", Fixed(4), 0, LAST, NEVER, UNTAGGED),
            Field("Subtopologies", Array(&Struct(&[
                Field("SubtopologyId", String, 0, LAST, NEVER, UNTAGGED),
                Field("SourceTopics", Array(&String), 0, LAST, NEVER, UNTAGGED),
                Field("SourceTopicRegex", Array(&String), 0, LAST, NEVER, UNTAGGED),
                Field("StateChangelogTopics", Array(&Struct(&[
                    Field("Name", String, 0, LAST, NEVER, UNTAGGED),
                    Field("Partitions", Fixed(4), 0, LAST, NEVER, UNTAGGED),
                    Field("ReplicationFactor", Fixed(2), 0, LAST, NEVER, UNTAGGED),
                    Field("TopicConfigs", Array(&Struct(&[
                        Field("Key", String, 0, LAST, NEVER, UNTAGGED),
                        Field("Value", String, 0, LAST, NEVER, UNTAGGED),
                    ])), 0, LAST, NEVER, UNTAGGED),
                ])), 0, LAST, NEVER, UNTAGGED),
                Field("RepartitionSinkTopics", Array(&String), 0, LAST, NEVER, UNTAGGED),
                Field("RepartitionSourceTopics", Array(&Struct(&[
                    Field("Name", String, 0, LAST, NEVER, UNTAGGED),
                    Field("Partitions", Fixed(4), 0, LAST, NEVER, UNTAGGED),
                    Field("ReplicationFactor", Fixed(2), 0, LAST, NEVER, UNTAGGED),
                    Field("TopicConfigs", Array(&Struct(&[
                        Field("Key", String, 0, LAST, NEVER, UNTAGGED),
                        Field("Value", String, 0, LAST, NEVER, UNTAGGED),
                    ])), 0, LAST, NEVER, UNTAGGED),
                ])), 0, LAST, NEVER, UNTAGGED),
                Field("CopartitionGroups", Array(&Struct(&[
                    Field("SourceTopics", Array(&Fixed(2)), 0, LAST, NEVER, UNTAGGED),
                    Field("SourceTopicRegex", Array(&Fixed(2)), 0, LAST, NEVER, UNTAGGED),
                    Field("RepartitionSourceTopics", Array(&Fixed(2)), 0, LAST, NEVER, UNTAGGED),
                ])), 0, LAST, NEVER, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
        ]), 0, LAST, 0, UNTAGGED),
        Field("ActiveTasks", Array(&Struct(&[
            Field("SubtopologyId", String, 0, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Fixed(4)), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, 0, UNTAGGED),
        Field("StandbyTasks", Array(&Struct(&[
            Field("SubtopologyId", String, 0, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Fixed(4)), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, 0, UNTAGGED),
        Field("WarmupTasks", Array(&Struct(&[
            Field("SubtopologyId", String, 0, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Fixed(4)), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, 0, UNTAGGED),
        Field("ProcessId", String, 0, LAST, 0, UNTAGGED),
        Field("UserEndpoint", Struct(&[
            Field("Host", String, 0, LAST, NEVER, UNTAGGED),
            Field("Port", Fixed(2), 0, LAST, NEVER, UNTAGGED),
        ]), 0, LAST, 0, UNTAGGED),
        Field("ClientTags", Array(&Struct(&[
            Field("Key", String, 0, LAST, NEVER, UNTAGGED),
            Field("Value", String, 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, 0, UNTAGGED),
        Field("TaskOffsets", Array(&Struct(&[
            Field("SubtopologyId", String, 0, LAST, NEVER, UNTAGGED),
            Field("Partition", Fixed(4), 0, LAST, NEVER, UNTAGGED),
            Field("Offset", Fixed(8), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, 0, UNTAGGED),
        Field("TaskEndOffsets", Array(&Struct(&[
            Field("SubtopologyId", String, 0, LAST, NEVER, UNTAGGED),
            Field("Partition", Fixed(4), 0, LAST, NEVER, UNTAGGED),
            Field("Offset", Fixed(8), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, 0, UNTAGGED),
        Field("ShutdownApplication", Fixed(1), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 89, name: "StreamsGroupDescribe", from: 0, to: 1, flexible_from: 0, fields: &[
        Field("GroupIds", Array(&String), 0, LAST, NEVER, UNTAGGED),
        Field("IncludeAuthorizedOperations", Fixed(1), 0, LAST, NEVER, UNTAGGED),
        Field("IncludeTopologyDescription", Fixed(1), 1, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 90, name: "DescribeShareGroupOffsets", from: 0, to: 1, flexible_from: 0, fields: &[
        Field("Groups", Array(&Struct(&[
            Field("GroupId", String, 0, LAST, NEVER, UNTAGGED),
            Field("Topics", Array(&Struct(&[
                Field("TopicName", String, 0, LAST, NEVER, UNTAGGED),
                Field("Partitions", Array(&Fixed(4)), 0, LAST, NEVER, UNTAGGED),
            ])), 0, LAST, 0, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 91, name: "AlterShareGroupOffsets", from: 0, to: 0, flexible_from: 0, fields: &[
        Field("GroupId", String, 0, LAST, NEVER, UNTAGGED),
        Field("Topics", Array(&Struct(&[
            Field("TopicName", String, 0, LAST, NEVER, UNTAGGED),
            Field("Partitions", Array(&Struct(&[
                Field("PartitionIndex", Fixed(4), 0, LAST, NEVER, UNTAGGED),
                Field("StartOffset", Fixed(8), 0, LAST, NEVER, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 92, name: "DeleteShareGroupOffsets", from: 0, to: 0, flexible_from: 0, fields: &[
        Field("GroupId", String, 0, LAST, NEVER, UNTAGGED),
        Field("Topics", Array(&Struct(&[
            Field("TopicName", String, 0, LAST, NEVER, UNTAGGED),
        ])), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 93, name: "StreamsGroupTopologyDescriptionUpdate", from: 0, to: 0, flexible_from: 0, fields: &[
        Field("GroupId", String, 0, LAST, NEVER, UNTAGGED),
        Field("MemberId", String, 0, LAST, NEVER, UNTAGGED),
        Field("TopologyEpoch", Fixed(4), 0, LAST, NEVER, UNTAGGED),
        Field("TopologyDescription", Struct(&[
            Field("Subtopologies", Array(&Struct(&[
                Field("SubtopologyId", String, 0, LAST, NEVER, UNTAGGED),
                Field("Nodes", Array(&Struct(&[
                    Field("Name", String, 0, LAST, NEVER, UNTAGGED),
                    Field("NodeType", Fixed(1), 0, LAST, NEVER, UNTAGGED),
                    Field("SourceTopics", Array(&String), 0, LAST, NEVER, UNTAGGED),
                    Field("SinkTopic", String, 0, LAST, 0, UNTAGGED),
                    Field("Stores", Array(&String), 0, LAST, NEVER, UNTAGGED),
                    Field("Successors", Array(&String), 0, LAST, NEVER, UNTAGGED),
                ])), 0, LAST, NEVER, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
            Field("GlobalStores", Array(&Struct(&[
                Field("Source", Struct(&[
                    Field("Name", String, 0, LAST, NEVER, UNTAGGED),
                    Field("NodeType", Fixed(1), 0, LAST, NEVER, UNTAGGED),
                    Field("SourceTopics", Array(&String), 0, LAST, NEVER, UNTAGGED),
                    Field("SinkTopic", String, 0, LAST, 0, UNTAGGED),
                    Field("Stores", Array(&String), 0, LAST, NEVER, UNTAGGED),
                    Field("Successors", Array(&String), 0, LAST, NEVER, UNTAGGED),
                ]), 0, LAST, NEVER, UNTAGGED),
                Field("Processor", Struct(&[
                    Field("Name", String, 0, LAST, NEVER, UNTAGGED),
                    Field("NodeType", Fixed(1), 0, LAST, NEVER, UNTAGGED),
                    Field("SourceTopics", Array(&String), 0, LAST, NEVER, UNTAGGED),
                    Field("SinkTopic", String, 0, LAST, 0, UNTAGGED),
                    Field("Stores", Array(&String), 0, LAST, NEVER, UNTAGGED),
                    Field("Successors", Array(&String), 0, LAST, NEVER, UNTAGGED),
                ]), 0, LAST, NEVER, UNTAGGED),
            ])), 0, LAST, NEVER, UNTAGGED),
        ]), 0, LAST, NEVER, UNTAGGED),
    ] },
    Api { key: 94, name: "UnregisterController", from: 0, to: 0, flexible_from: 0, fields: &[
        Field("ControllerId", Fixed(4), 0, LAST, NEVER, UNTAGGED),
    ] },
];
