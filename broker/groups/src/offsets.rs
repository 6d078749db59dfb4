//! Committed offsets: commit, fetch, delete, expiry.
//! Where they are kept is in `committed`; who may commit as a member of which generation is asked of the group.

pub(crate) mod commit;
pub(crate) mod delete;
pub(crate) mod expire;
pub(crate) mod fetch;

use crate::config::TOMBSTONES_PER_APPEND;
use crate::record::Record;
use crate::step::Step;
use crate::writes::Then;

/// Bytes of names in one append of tombstones, far below the largest batch.
const TOMBSTONE_BYTES_PER_APPEND: usize = 256 << 10;

/// Appends tombstones, not empty, in as many batches as they need; `then` belongs to the last.
fn append_tombstones(group: &str, tombstones: Vec<Record>, then: Then, step: &mut Step<'_>) {
    let mut batch = Vec::new();
    let mut bytes = 0;
    for record in tombstones {
        let record_bytes = match &record {
            Record::Offset { group, topic, .. } => group.len() + topic.len(),
            Record::Group { group, .. } | Record::Consumer { group, .. } => 2 * group.len(),
        };
        let full = batch.len() == TOMBSTONES_PER_APPEND
            || bytes + record_bytes > TOMBSTONE_BYTES_PER_APPEND;
        if full && !batch.is_empty() {
            step.write(group, std::mem::take(&mut batch), Then::Nothing);
            bytes = 0;
        }
        bytes += record_bytes;
        batch.push(record);
    }
    step.write(group, batch, then);
}

fn offset_tombstone(group: &str, topic: &str, partition: i32) -> Record {
    Record::Offset {
        group: group.to_owned(),
        topic: topic.to_owned(),
        partition,
        value: None,
    }
}
