//! Kafka's error codes: number, name, whether a client may retry, and a message. The one table.
//! Which error a situation deserves is decided where the situation is.

use std::fmt;

macro_rules! error_codes {
    ($($(#[$attr:meta])* $code:literal $variant:ident $name:ident $retry:ident $message:literal,)*) => {
        /// A Kafka error code, as of Apache Kafka 4.4 (`org.apache.kafka.common.protocol.Errors`).
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        pub enum ErrorCode {
            $(
                #[doc = $message]
                $(#[$attr])*
                $variant = $code,
            )*
        }

        impl ErrorCode {
            /// Every code, in the order of the numbers.
            pub const ALL: &[ErrorCode] = &[$(ErrorCode::$variant,)*];

            /// The code of a number.
            #[must_use]
            pub fn from_code(code: i16) -> Option<ErrorCode> {
                match code {
                    $($code => Some(ErrorCode::$variant),)*
                    _ => None,
                }
            }

            /// Kafka's name of it, such as `NOT_LEADER_OR_FOLLOWER`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(ErrorCode::$variant => stringify!($name),)*
                }
            }

            /// What it means, for a person.
            #[must_use]
            pub fn message(self) -> &'static str {
                match self {
                    $(ErrorCode::$variant => $message,)*
                }
            }

            /// Whether the Java client retries on it (`RetriableException`).
            #[must_use]
            pub fn is_retriable(self) -> bool {
                match self {
                    $(ErrorCode::$variant => error_codes!(@$retry),)*
                }
            }
        }
    };
    (@retriable) => { true };
    (@final) => { false };
}

error_codes! {
    -1 UnknownServerError UNKNOWN_SERVER_ERROR final "The broker failed in an unexpected way; its log says more.",
    #[default]
    0 None NONE final "Success.",
    1 OffsetOutOfRange OFFSET_OUT_OF_RANGE final "The offset is outside the partition's log.",
    2 CorruptMessage CORRUPT_MESSAGE retriable "The record batch is damaged: its CRC, size or structure is wrong.",
    3 UnknownTopicOrPartition UNKNOWN_TOPIC_OR_PARTITION retriable "This broker does not know the topic or partition.",
    4 InvalidFetchSize INVALID_FETCH_SIZE final "The fetch size is not valid.",
    5 LeaderNotAvailable LEADER_NOT_AVAILABLE retriable "The partition has no leader at the moment.",
    6 NotLeaderOrFollower NOT_LEADER_OR_FOLLOWER retriable "This broker is not the partition's leader, or not a replica of it.",
    7 RequestTimedOut REQUEST_TIMED_OUT retriable "The request was not completed in its time.",
    8 BrokerNotAvailable BROKER_NOT_AVAILABLE final "The broker is not available.",
    9 ReplicaNotAvailable REPLICA_NOT_AVAILABLE retriable "The replica is not available.",
    10 MessageTooLarge MESSAGE_TOO_LARGE final "The record batch is larger than max.message.bytes allows.",
    11 StaleControllerEpoch STALE_CONTROLLER_EPOCH final "The controller has moved.",
    12 OffsetMetadataTooLarge OFFSET_METADATA_TOO_LARGE final "The metadata of the offset commit is too large.",
    13 NetworkException NETWORK_EXCEPTION retriable "The connection broke before the answer came.",
    14 CoordinatorLoadInProgress COORDINATOR_LOAD_IN_PROGRESS retriable "The coordinator is loading its state.",
    15 CoordinatorNotAvailable COORDINATOR_NOT_AVAILABLE retriable "The coordinator is not available.",
    16 NotCoordinator NOT_COORDINATOR retriable "This broker is not the coordinator of the group or transaction.",
    17 InvalidTopicException INVALID_TOPIC_EXCEPTION final "The topic name is not valid or may not be used this way.",
    18 RecordListTooLarge RECORD_LIST_TOO_LARGE final "The record batch is larger than a log segment.",
    19 NotEnoughReplicas NOT_ENOUGH_REPLICAS retriable "The partition has fewer in-sync replicas than min.insync.replicas.",
    20 NotEnoughReplicasAfterAppend NOT_ENOUGH_REPLICAS_AFTER_APPEND retriable "The records are in the log, but fewer replicas than min.insync.replicas have them.",
    21 InvalidRequiredAcks INVALID_REQUIRED_ACKS final "acks must be 0, 1 or -1.",
    22 IllegalGeneration ILLEGAL_GENERATION final "The generation of the group is another one.",
    23 InconsistentGroupProtocol INCONSISTENT_GROUP_PROTOCOL final "The member's protocols have nothing in common with the group's.",
    24 InvalidGroupId INVALID_GROUP_ID final "The group id is not valid.",
    25 UnknownMemberId UNKNOWN_MEMBER_ID final "The coordinator does not know this member.",
    26 InvalidSessionTimeout INVALID_SESSION_TIMEOUT final "The session timeout is outside what the broker allows.",
    27 RebalanceInProgress REBALANCE_IN_PROGRESS final "The group is rebalancing; join again.",
    28 InvalidCommitOffsetSize INVALID_COMMIT_OFFSET_SIZE final "The offset commit is too large.",
    29 TopicAuthorizationFailed TOPIC_AUTHORIZATION_FAILED final "The principal may not do this with the topic.",
    30 GroupAuthorizationFailed GROUP_AUTHORIZATION_FAILED final "The principal may not do this with the group.",
    31 ClusterAuthorizationFailed CLUSTER_AUTHORIZATION_FAILED final "The principal may not do this with the cluster.",
    32 InvalidTimestamp INVALID_TIMESTAMP final "A timestamp is outside what the topic allows.",
    33 UnsupportedSaslMechanism UNSUPPORTED_SASL_MECHANISM final "The SASL mechanism is not supported.",
    34 IllegalSaslState ILLEGAL_SASL_STATE final "The request does not fit the state of the SASL exchange.",
    35 UnsupportedVersion UNSUPPORTED_VERSION final "The version of this API is not supported.",
    36 TopicAlreadyExists TOPIC_ALREADY_EXISTS final "A topic of this name exists.",
    37 InvalidPartitions INVALID_PARTITIONS final "The number of partitions is not valid.",
    38 InvalidReplicationFactor INVALID_REPLICATION_FACTOR final "The replication factor is below 1 or above the number of available brokers.",
    39 InvalidReplicaAssignment INVALID_REPLICA_ASSIGNMENT final "The replica assignment is not valid.",
    40 InvalidConfig INVALID_CONFIG final "The configuration is not valid.",
    41 NotController NOT_CONTROLLER retriable "This broker is not the controller.",
    42 InvalidRequest INVALID_REQUEST final "The request is not valid.",
    43 UnsupportedForMessageFormat UNSUPPORTED_FOR_MESSAGE_FORMAT final "The record format on the broker does not support this.",
    44 PolicyViolation POLICY_VIOLATION final "A policy forbids this.",
    45 OutOfOrderSequenceNumber OUT_OF_ORDER_SEQUENCE_NUMBER final "A sequence number is missing between the producer's last batch and this one.",
    46 DuplicateSequenceNumber DUPLICATE_SEQUENCE_NUMBER final "The sequence number was used before.",
    47 InvalidProducerEpoch INVALID_PRODUCER_EPOCH final "A newer epoch of the producer exists.",
    48 InvalidTxnState INVALID_TXN_STATE final "The transaction is not in a state that allows this.",
    49 InvalidProducerIdMapping INVALID_PRODUCER_ID_MAPPING final "The producer id does not belong to the transactional id.",
    50 InvalidTransactionTimeout INVALID_TRANSACTION_TIMEOUT final "The transaction timeout is above transaction.max.timeout.ms.",
    51 ConcurrentTransactions CONCURRENT_TRANSACTIONS retriable "Another operation on the transaction is under way.",
    52 TransactionCoordinatorFenced TRANSACTION_COORDINATOR_FENCED final "A newer transaction coordinator exists.",
    53 TransactionalIdAuthorizationFailed TRANSACTIONAL_ID_AUTHORIZATION_FAILED final "The principal may not use the transactional id.",
    54 SecurityDisabled SECURITY_DISABLED final "Security is not enabled.",
    55 OperationNotAttempted OPERATION_NOT_ATTEMPTED final "The operation was not attempted, because an earlier one of the batch failed.",
    56 KafkaStorageError KAFKA_STORAGE_ERROR retriable "The disk of the broker failed.",
    57 LogDirNotFound LOG_DIR_NOT_FOUND final "The log directory does not exist.",
    58 SaslAuthenticationFailed SASL_AUTHENTICATION_FAILED final "Authentication failed.",
    59 UnknownProducerId UNKNOWN_PRODUCER_ID final "The broker has no state of this producer id.",
    60 ReassignmentInProgress REASSIGNMENT_IN_PROGRESS final "The partition is being reassigned.",
    61 DelegationTokenAuthDisabled DELEGATION_TOKEN_AUTH_DISABLED final "Delegation tokens are not enabled.",
    62 DelegationTokenNotFound DELEGATION_TOKEN_NOT_FOUND final "The delegation token does not exist.",
    63 DelegationTokenOwnerMismatch DELEGATION_TOKEN_OWNER_MISMATCH final "The principal neither owns the delegation token nor may renew it.",
    64 DelegationTokenRequestNotAllowed DELEGATION_TOKEN_REQUEST_NOT_ALLOWED final "Delegation tokens are not served on this connection.",
    65 DelegationTokenAuthorizationFailed DELEGATION_TOKEN_AUTHORIZATION_FAILED final "The principal may not do this with delegation tokens.",
    66 DelegationTokenExpired DELEGATION_TOKEN_EXPIRED final "The delegation token has expired.",
    67 InvalidPrincipalType INVALID_PRINCIPAL_TYPE final "The type of the principal is not supported.",
    68 NonEmptyGroup NON_EMPTY_GROUP final "The group has members.",
    69 GroupIdNotFound GROUP_ID_NOT_FOUND final "The group does not exist.",
    70 FetchSessionIdNotFound FETCH_SESSION_ID_NOT_FOUND retriable "The fetch session does not exist.",
    71 InvalidFetchSessionEpoch INVALID_FETCH_SESSION_EPOCH retriable "The epoch of the fetch session is another one.",
    72 ListenerNotFound LISTENER_NOT_FOUND retriable "The leader has no listener of the name this request came on.",
    73 TopicDeletionDisabled TOPIC_DELETION_DISABLED final "Topics cannot be deleted here.",
    74 FencedLeaderEpoch FENCED_LEADER_EPOCH retriable "The leader epoch is older than the broker's.",
    75 UnknownLeaderEpoch UNKNOWN_LEADER_EPOCH retriable "The leader epoch is newer than the broker's.",
    76 UnsupportedCompressionType UNSUPPORTED_COMPRESSION_TYPE final "The compression type is not supported in this version.",
    77 StaleBrokerEpoch STALE_BROKER_EPOCH final "The broker epoch is another one.",
    78 OffsetNotAvailable OFFSET_NOT_AVAILABLE retriable "The high watermark of the new leader is not known yet.",
    79 MemberIdRequired MEMBER_ID_REQUIRED final "The member must join again with the member id it was given.",
    80 PreferredLeaderNotAvailable PREFERRED_LEADER_NOT_AVAILABLE retriable "The preferred leader is not available.",
    81 GroupMaxSizeReached GROUP_MAX_SIZE_REACHED final "The group has group.max.size members.",
    82 FencedInstanceId FENCED_INSTANCE_ID final "Another member took the group.instance.id over.",
    83 EligibleLeadersNotAvailable ELIGIBLE_LEADERS_NOT_AVAILABLE retriable "No eligible leader is available.",
    84 ElectionNotNeeded ELECTION_NOT_NEEDED retriable "The leader is the wanted one already.",
    85 NoReassignmentInProgress NO_REASSIGNMENT_IN_PROGRESS final "The partition is not being reassigned.",
    86 GroupSubscribedToTopic GROUP_SUBSCRIBED_TO_TOPIC final "The group is subscribed to the topic.",
    87 InvalidRecord INVALID_RECORD final "A record is not valid.",
    88 UnstableOffsetCommit UNSTABLE_OFFSET_COMMIT retriable "Offsets of an open transaction are pending.",
    89 ThrottlingQuotaExceeded THROTTLING_QUOTA_EXCEEDED retriable "The quota of such requests is used up for now.",
    90 ProducerFenced PRODUCER_FENCED final "A newer producer of the transactional id exists.",
    91 ResourceNotFound RESOURCE_NOT_FOUND final "The resource does not exist.",
    92 DuplicateResource DUPLICATE_RESOURCE final "The resource is named twice.",
    93 UnacceptableCredential UNACCEPTABLE_CREDENTIAL final "The credential does not meet the criteria.",
    94 InconsistentVoterSet INCONSISTENT_VOTER_SET final "The voter set is another one.",
    95 InvalidUpdateVersion INVALID_UPDATE_VERSION final "The version to update to is not valid.",
    96 FeatureUpdateFailed FEATURE_UPDATE_FAILED final "The features could not be updated.",
    97 PrincipalDeserializationFailure PRINCIPAL_DESERIALIZATION_FAILURE final "The principal of a forwarded request could not be read.",
    98 SnapshotNotFound SNAPSHOT_NOT_FOUND final "The snapshot does not exist.",
    99 PositionOutOfRange POSITION_OUT_OF_RANGE final "The position is outside the snapshot.",
    100 UnknownTopicId UNKNOWN_TOPIC_ID retriable "This broker does not know the topic id.",
    101 DuplicateBrokerRegistration DUPLICATE_BROKER_REGISTRATION final "The broker id is in use.",
    102 BrokerIdNotRegistered BROKER_ID_NOT_REGISTERED final "The broker id is not registered.",
    103 InconsistentTopicId INCONSISTENT_TOPIC_ID retriable "The topic id is another one than the log's.",
    104 InconsistentClusterId INCONSISTENT_CLUSTER_ID final "The cluster id is another one.",
    105 TransactionalIdNotFound TRANSACTIONAL_ID_NOT_FOUND final "The transactional id does not exist.",
    106 FetchSessionTopicIdError FETCH_SESSION_TOPIC_ID_ERROR retriable "The topic ids of the fetch session contradict the request.",
    107 IneligibleReplica INELIGIBLE_REPLICA final "A broker in the new ISR may not be in it.",
    108 NewLeaderElected NEW_LEADER_ELECTED final "The partition has a new leader since.",
    109 OffsetMovedToTieredStorage OFFSET_MOVED_TO_TIERED_STORAGE final "The offset is in tiered storage.",
    110 FencedMemberEpoch FENCED_MEMBER_EPOCH final "The epoch of the member is fenced; join again.",
    111 UnreleasedInstanceId UNRELEASED_INSTANCE_ID final "Another member still holds the group.instance.id.",
    112 UnsupportedAssignor UNSUPPORTED_ASSIGNOR final "The assignor is not supported.",
    113 StaleMemberEpoch STALE_MEMBER_EPOCH final "The epoch of the member is old; retry after the next heartbeat.",
    114 MismatchedEndpointType MISMATCHED_ENDPOINT_TYPE final "The endpoint is of another type than the request asks.",
    115 UnsupportedEndpointType UNSUPPORTED_ENDPOINT_TYPE final "The type of endpoint is not supported.",
    116 UnknownControllerId UNKNOWN_CONTROLLER_ID final "The controller id is not known.",
    117 UnknownSubscriptionId UNKNOWN_SUBSCRIPTION_ID final "The telemetry subscription is not known or outdated.",
    118 TelemetryTooLarge TELEMETRY_TOO_LARGE final "The telemetry is larger than the broker accepts.",
    119 InvalidRegistration INVALID_REGISTRATION final "The registration is not valid.",
    120 TransactionAbortable TRANSACTION_ABORTABLE final "The transaction failed; abort it and go on.",
    121 InvalidRecordState INVALID_RECORD_STATE final "The record is not in a state that allows this acknowledgement.",
    122 ShareSessionNotFound SHARE_SESSION_NOT_FOUND retriable "The share session does not exist.",
    123 InvalidShareSessionEpoch INVALID_SHARE_SESSION_EPOCH retriable "The epoch of the share session is another one.",
    124 FencedStateEpoch FENCED_STATE_EPOCH final "The state epoch is another one.",
    125 InvalidVoterKey INVALID_VOTER_KEY final "The voter's key is not this replica's.",
    126 DuplicateVoter DUPLICATE_VOTER final "The voter is in the set already.",
    127 VoterNotFound VOTER_NOT_FOUND final "The voter is not in the set.",
    128 InvalidRegularExpression INVALID_REGULAR_EXPRESSION final "The regular expression is not valid.",
    129 RebootstrapRequired REBOOTSTRAP_REQUIRED final "The client's metadata belongs to another cluster; bootstrap again.",
    130 StreamsInvalidTopology STREAMS_INVALID_TOPOLOGY final "The topology is not valid.",
    131 StreamsInvalidTopologyEpoch STREAMS_INVALID_TOPOLOGY_EPOCH final "The epoch of the topology is not valid.",
    132 StreamsTopologyFenced STREAMS_TOPOLOGY_FENCED final "A newer topology exists.",
    133 ShareSessionLimitReached SHARE_SESSION_LIMIT_REACHED retriable "The limit of share sessions is reached.",
    134 GroupDeletionFailed GROUP_DELETION_FAILED final "Some groups could not be deleted; each has its message.",
    135 StreamsTopologyDescriptionUpdateFailed STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED final "The description of the topology could not be processed.",
    136 ControllerIdNotRegistered CONTROLLER_ID_NOT_REGISTERED final "The controller id is not registered.",
}

impl ErrorCode {
    /// The number on the wire.
    #[must_use]
    pub fn code(self) -> i16 {
        self as i16
    }

    /// Whether it is [`ErrorCode::None`].
    #[must_use]
    pub fn is_ok(self) -> bool {
        self == ErrorCode::None
    }
}

/// Kafka's name.
impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_kafkas_without_a_gap() {
        let codes: Vec<i16> = ErrorCode::ALL.iter().map(|e| e.code()).collect();
        assert_eq!(codes, (-1..=136).collect::<Vec<_>>());
        for error in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_code(error.code()), Some(*error));
        }
        assert_eq!(ErrorCode::from_code(137), None);
    }

    #[test]
    fn names_are_kafkas() {
        assert_eq!(
            ErrorCode::NotLeaderOrFollower.to_string(),
            "NOT_LEADER_OR_FOLLOWER"
        );
        assert_eq!(
            ErrorCode::from_code(45).map(ErrorCode::name),
            Some("OUT_OF_ORDER_SEQUENCE_NUMBER")
        );
        assert!(ErrorCode::NotLeaderOrFollower.is_retriable());
        assert!(!ErrorCode::OutOfOrderSequenceNumber.is_retriable());
    }
}
