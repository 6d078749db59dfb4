//! What a produced batch must be before it gets an offset (Kafka's LogValidator, without looking at
//! records where nothing asks for it). It changes nothing.

use bytes::Bytes;
use kring_wire::batch::check_crc;
use kring_wire::compress::decompressed_records;
use kring_wire::{BatchError, BatchHeader};

use crate::config::{DECOMPRESSED_BYTES_MAX, TimestampType, TopicLogConfig};
use crate::error::AppendError;

/// Checks the one batch of a produce request and its place in time.
pub(super) fn check_produced(
    config: &TopicLogConfig,
    bytes: &Bytes,
    now_ms: i64,
) -> Result<BatchHeader, AppendError> {
    let header = check_whole(config, bytes)?;
    if header.has_producer() && (header.base_sequence < 0 || header.producer_epoch < 0) {
        return Err(invalid("an idempotent batch needs a sequence and an epoch"));
    }
    if header.attributes.is_transactional() && !header.has_producer() {
        return Err(invalid("a batch of a transaction needs a producer"));
    }
    check_content(config, &header, bytes, now_ms)?;
    Ok(header)
}

/// Checks the one batch that a coordinator makes of what clients commit within a transaction.
pub(super) fn check_unsequenced(
    config: &TopicLogConfig,
    bytes: &Bytes,
    now_ms: i64,
) -> Result<BatchHeader, AppendError> {
    let header = check_whole(config, bytes)?;
    if !header.attributes.is_transactional() || !header.has_producer() || header.producer_epoch < 0
    {
        return Err(invalid(
            "a coordinator's batch of a transaction needs a producer and an epoch",
        ));
    }
    if header.base_sequence >= 0 {
        return Err(invalid(
            "a coordinator's batch of a transaction has no sequence",
        ));
    }
    check_content(config, &header, bytes, now_ms)?;
    Ok(header)
}

fn check_whole(config: &TopicLogConfig, bytes: &Bytes) -> Result<BatchHeader, AppendError> {
    let header = BatchHeader::parse(bytes).map_err(refused)?;
    if header.total_bytes != bytes.len() {
        return Err(invalid(
            "a produce request carries exactly one batch of a partition",
        ));
    }
    if header.total_bytes > config.max_message_bytes {
        return Err(AppendError::MessageTooLarge {
            bytes: header.total_bytes,
            limit_bytes: config.max_message_bytes,
        });
    }
    check_crc(bytes).map_err(refused)?;
    if header.attributes.is_control() {
        return Err(invalid("clients do not write control batches"));
    }
    if !header.is_dense() {
        return Err(invalid(
            "the record count does not match the last offset delta",
        ));
    }
    Ok(header)
}

fn check_content(
    config: &TopicLogConfig,
    header: &BatchHeader,
    bytes: &Bytes,
    now_ms: i64,
) -> Result<(), AppendError> {
    if config.timestamp_type == TimestampType::CreateTime {
        check_timestamp(config, header, now_ms)?;
    }
    if config.compact {
        check_keys(header, bytes)?;
    }
    Ok(())
}

fn check_timestamp(
    config: &TopicLogConfig,
    header: &BatchHeader,
    now_ms: i64,
) -> Result<(), AppendError> {
    let from_ms = now_ms.saturating_sub(config.before_max_ms);
    let to_ms = now_ms.saturating_add(config.after_max_ms);
    for timestamp_ms in [header.base_timestamp_ms, header.max_timestamp_ms] {
        // −1 stands for "no timestamp".
        if timestamp_ms != -1 && !(from_ms..=to_ms).contains(&timestamp_ms) {
            return Err(AppendError::InvalidTimestamp {
                index: 0,
                timestamp_ms,
                from_ms,
                to_ms,
            });
        }
    }
    Ok(())
}

fn check_keys(header: &BatchHeader, bytes: &Bytes) -> Result<(), AppendError> {
    let records = decompressed_records(header, bytes, DECOMPRESSED_BYTES_MAX)
        .map_err(|e| invalid(&e.to_string()))?;
    let mut without_key = Vec::new();
    for (index, record) in (0..).zip(records) {
        let record = record.map_err(|e| invalid(&e.to_string()))?;
        if record.key.is_none() {
            without_key.push(index);
        }
    }
    if without_key.is_empty() {
        Ok(())
    } else {
        Err(AppendError::WithoutKey {
            records: without_key,
        })
    }
}

pub(super) fn refused(error: BatchError) -> AppendError {
    match error {
        BatchError::Magic { magic } => AppendError::UnsupportedFormat { magic },
        BatchError::Counts { .. } | BatchError::Compression { .. } => invalid(&error.to_string()),
        BatchError::Truncated { .. } | BatchError::Length { .. } | BatchError::Crc { .. } => {
            AppendError::CorruptRecord {
                reason: error.to_string(),
            }
        }
    }
}

pub(super) fn invalid(reason: &str) -> AppendError {
    AppendError::InvalidRecord {
        reason: reason.to_owned(),
    }
}
