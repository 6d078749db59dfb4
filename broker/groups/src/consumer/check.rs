//! What a ConsumerGroupHeartbeat must say, whatever the group is.
//! Whether the member may say it is checked in `heartbeat`.

use kring_wire::ErrorCode;

use super::regex;
use crate::GroupConfig;
use crate::config::MEMBER_METADATA_BYTES_MAX;
use crate::request::{ConsumerHeartbeat, STATIC_LEAVE_EPOCH};

/// A refusal with its reason for people.
pub(crate) type Refusal = (ErrorCode, String);

/// What a classic string of a record's key can hold.
const ID_BYTES_MAX: usize = i16::MAX as usize;

/// Refuses a request that no group could serve.
pub(crate) fn check(request: &ConsumerHeartbeat, config: &GroupConfig) -> Result<(), Refusal> {
    check_identity(request)?;
    if request.member_epoch == 0 {
        check_join(request)?;
    }
    if let Some(assignor) = &request.server_assignor
        && !config.group_consumer_assignors.contains(assignor)
    {
        let known = config.group_consumer_assignors.join(", ");
        return Err((
            ErrorCode::UnsupportedAssignor,
            format!("ServerAssignor {assignor} is not supported. Supported assignors: {known}."),
        ));
    }
    let topics = request.subscribed_topic_names.iter().flatten();
    if topics.map(String::len).sum::<usize>() > MEMBER_METADATA_BYTES_MAX {
        return Err(invalid("SubscribedTopicNames is too large."));
    }
    match &request.subscribed_topic_regex {
        Some(expression) if regex::compile(expression).is_none() => Err((
            ErrorCode::InvalidRegularExpression,
            format!(
                "SubscribedTopicRegex `{expression}` is not a valid regular expression of RE2, or larger than allowed."
            ),
        )),
        _ => Ok(()),
    }
}

fn check_identity(request: &ConsumerHeartbeat) -> Result<(), Refusal> {
    let epoch = request.member_epoch;
    if request.member_id.is_empty() && (request.member_id_required || epoch != 0) {
        return Err(invalid("MemberId can't be empty."));
    }
    if request.member_id.len() > ID_BYTES_MAX {
        return Err(invalid("MemberId is too large."));
    }
    if request.instance_id.as_deref() == Some("") {
        return Err(invalid("InstanceId can't be empty."));
    }
    if request.rack_id.as_deref() == Some("") {
        return Err(invalid("RackId can't be empty."));
    }
    if epoch < STATIC_LEAVE_EPOCH {
        return Err(invalid("MemberEpoch is invalid."));
    }
    if epoch == STATIC_LEAVE_EPOCH && request.instance_id.is_none() {
        return Err(invalid("InstanceId can't be null."));
    }
    Ok(())
}

fn check_join(request: &ConsumerHeartbeat) -> Result<(), Refusal> {
    if request.rebalance_timeout_ms == -1 {
        return Err(invalid(
            "RebalanceTimeoutMs must be provided in first request.",
        ));
    }
    let owned = request.topic_partitions.as_ref();
    if owned.is_none_or(|owned| !owned.is_empty()) {
        return Err(invalid("TopicPartitions must be empty when (re-)joining."));
    }
    if request.subscribed_topic_names.is_none() && request.subscribed_topic_regex.is_none() {
        return Err(invalid(
            "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.",
        ));
    }
    Ok(())
}

fn invalid(reason: &str) -> Refusal {
    (ErrorCode::InvalidRequest, reason.to_owned())
}
