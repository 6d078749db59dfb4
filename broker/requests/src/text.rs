//! Conversions between our types and those of `kafka-protocol`.
//! It holds nothing else.

use kafka_protocol::protocol::StrBytes;

/// Text for a message.
pub(crate) fn text(value: impl Into<String>) -> StrBytes {
    StrBytes::from_string(value.into())
}

/// Nullable text of a message.
pub(crate) fn owned(value: Option<StrBytes>) -> Option<String> {
    value.map(|text| text.to_string())
}

/// Broker ids for a message.
pub(crate) fn broker_ids(ids: &[kring_io::BrokerId]) -> Vec<kafka_protocol::messages::BrokerId> {
    ids.iter().map(|id| id.0.into()).collect()
}
