//! The aborted transactions among records that were read, for readers of committed ones.
//! It is asked in the moment of the read: later, compaction may have removed what the log knows of them.

use bytes::Bytes;
use kring_io::canary::{self, Canary};
use kring_log::Log;
use kring_wire::batch::batches;
use kring_wire::fetch::AbortedTransaction;

use super::plan::{Ask, Isolation};

/// Those that were aborted and have records among these; none for a reader of everything.
pub(super) fn among(
    log: &Log,
    isolation: Isolation,
    ask: &Ask,
    records: &[Bytes],
) -> Vec<AbortedTransaction> {
    let (Isolation::ReadCommitted, Ok(tp), Some(part)) = (isolation, ask.tp, records.last()) else {
        return Vec::new();
    };
    let headers = batches(part).map_while(Result::ok);
    let Some((last, _)) = headers.last() else {
        return Vec::new();
    };
    if canary::is_on(Canary::AbortedListEmpty) {
        return Vec::new();
    }
    let from = ask.partition.fetch_offset;
    let aborted = log.aborted_transactions(tp, from, last.next_offset());
    let aborted = aborted.into_iter().map(|transaction| AbortedTransaction {
        producer_id: transaction.producer_id,
        first_offset: transaction.first_offset,
    });
    aborted.collect()
}
