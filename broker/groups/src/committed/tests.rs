//! What markers do to pending offsets, whatever was committed or forgotten meanwhile.
//! It reads no bytes of records.

use kring_wire::TopicId;

use super::{Committed, CommittedOffset};
use crate::record::Record;

fn record(partition: i32, offset: Option<i64>) -> Record {
    Record::Offset {
        group: "g".to_owned(),
        topic: "t".to_owned(),
        partition,
        value: offset.map(|offset| CommittedOffset {
            offset,
            leader_epoch: -1,
            metadata: String::new(),
            commit_timestamp_ms: 0,
            expire_timestamp_ms: None,
            topic_id: TopicId::ZERO,
        }),
    }
}

fn offset(committed: &Committed, partition: i32) -> Option<i64> {
    committed.offset("g", "t", partition).map(|o| o.offset)
}

#[test]
fn a_commit_makes_pending_offsets_count_and_an_abort_drops_them() {
    let mut committed = Committed::default();
    committed.apply(0, Some(1), record(0, Some(10)));
    committed.apply(1, Some(2), record(1, Some(20)));
    assert_eq!((offset(&committed, 0), offset(&committed, 1)), (None, None));
    assert_eq!(committed.group_ids(), ["g"]);
    committed.end_transaction(1, true);
    committed.end_transaction(2, false);
    committed.end_transaction(3, true);
    assert_eq!(offset(&committed, 0), Some(10));
    assert_eq!(offset(&committed, 1), None);
    assert_eq!(committed.pending.len(), 0);
}

#[test]
fn of_two_commits_the_later_record_counts_and_not_the_later_marker() {
    let mut committed = Committed::default();
    committed.apply(0, Some(1), record(0, Some(10)));
    committed.apply(1, None, record(0, Some(11)));
    committed.end_transaction(1, true);
    assert_eq!(offset(&committed, 0), Some(11));

    committed.apply(3, Some(1), record(0, Some(12)));
    committed.apply(4, Some(2), record(0, Some(13)));
    committed.end_transaction(2, true);
    committed.end_transaction(1, true);
    assert_eq!(offset(&committed, 0), Some(13));
}

#[test]
fn a_tombstone_drops_what_is_pending_before_it_and_nothing_after_it() {
    let mut committed = Committed::default();
    committed.apply(0, Some(1), record(0, Some(10)));
    committed.apply(1, None, record(0, None));
    committed.end_transaction(1, true);
    assert!(!committed.knows("g"));

    committed.apply(3, None, record(0, None));
    committed.apply(4, Some(1), record(0, Some(11)));
    assert!(committed.knows("g"));
    committed.end_transaction(1, true);
    assert_eq!(offset(&committed, 0), Some(11));
}
