//! Reads the simulated clients' records out of batches, with the other implementation's decoder.
//! It checks the checksum and knows only values that [`RecordId`] wrote.

use bytes::Bytes;
use kafka_protocol::records::RecordBatchDecoder;

use crate::history::RecordId;

/// The records of whole batches, each with its offset.
///
/// # Errors
/// When a batch cannot be decoded, its checksum is wrong, or a value is not one of ours.
pub fn of(batches: &Bytes) -> Result<Vec<(i64, RecordId)>, String> {
    let mut bytes = batches.clone();
    let mut records = Vec::new();
    for set in RecordBatchDecoder::decode_all(&mut bytes)
        .map_err(|e| format!("a batch cannot be read: {e}"))?
    {
        for record in set.records {
            let value = record.value.as_deref().unwrap_or_default();
            let id = RecordId::from_bytes(value)
                .ok_or_else(|| format!("offset {} is not ours", record.offset))?;
            records.push((record.offset, id));
        }
    }
    Ok(records)
}
