//! What a reader of committed records makes of batches, with the list of aborted transactions that comes with them,
//! as Kafka's consumers do. It does not ask whether the list is true.

use std::collections::BTreeSet;

use bytes::Bytes;
use kafka_protocol::records::{Record, RecordBatchDecoder};

use super::Contents;
use crate::history::Partition;

/// The records of whole batches that are not in one of these aborted transactions: producer id and first offset.
///
/// # Errors
/// When a batch cannot be decoded or its checksum is wrong.
pub fn committed(
    batches: &Bytes,
    partition: Partition,
    mut aborted: Vec<(i64, i64)>,
) -> Result<Contents, String> {
    aborted.sort_by_key(|(_, first_offset)| *first_offset);
    let mut aborted = aborted.into_iter().peekable();
    let mut aborting = BTreeSet::new();
    let mut bytes = batches.clone();
    let mut contents = Contents::default();
    for set in RecordBatchDecoder::decode_all(&mut bytes)
        .map_err(|e| format!("a batch cannot be read: {e}"))?
    {
        let (Some(first), Some(last)) = (set.records.first(), set.records.last()) else {
            continue;
        };
        let id = first.producer_id;
        while let Some((id, _)) = aborted.next_if(|(_, begin)| *begin <= last.offset) {
            aborting.insert(id);
        }
        if first.control {
            if is_abort(first) {
                aborting.remove(&id);
            }
        } else if first.transactional && aborting.contains(&id) {
            contents.next = Some(last.offset + 1);
            continue;
        }
        let first_run = contents.runs.len();
        for record in &set.records {
            contents.take(partition, first_run, record);
        }
    }
    Ok(contents)
}

/// Whether a control record says that its transaction is aborted.
fn is_abort(record: &Record) -> bool {
    matches!(record.key.as_deref(), Some([_, _, 0, 0]))
}
