//! What is kept, carried to other replicas, and lost where a damaged log is cut.
//! The rules of appends and truncation above the high watermark are tested in `producing`.

use kring_wire::BatchBuilder;

use super::*;

fn data(transactions: &mut Transactions, producer_id: ProducerId, offset: Offset) {
    let mut batch = BatchBuilder::new()
        .at(offset, 0)
        .transactional(producer_id, 4);
    batch.push(1, None, Some(b"v"));
    let batch = batch.build();
    let header = BatchHeader::parse(&batch).unwrap();
    transactions.appended(&header, &batch, offset, offset);
}

fn end(
    transactions: &mut Transactions,
    producer_id: ProducerId,
    offset: Offset,
    outcome: TransactionOutcome,
) {
    let marker = EndTxnMarker {
        producer_id,
        producer_epoch: 4,
        coordinator_epoch: 2,
        outcome,
    };
    let mut batch = marker.build(1).to_vec();
    kring_wire::batch::assign(&mut batch, offset, 0);
    let header = BatchHeader::parse(&batch).unwrap();
    transactions.appended(&header, &batch, offset, offset);
}

fn abort(transactions: &mut Transactions, producer_id: ProducerId, offset: Offset) {
    end(transactions, producer_id, offset, TransactionOutcome::Abort);
}

fn commit(transactions: &mut Transactions, producer_id: ProducerId, offset: Offset) {
    end(
        transactions,
        producer_id,
        offset,
        TransactionOutcome::Commit,
    );
}

fn told(transactions: &Transactions, from: Offset, upto: Offset) -> Vec<(ProducerId, Offset)> {
    let aborted = transactions.aborted(from, upto).into_iter();
    aborted.map(|a| (a.producer_id, a.first_offset)).collect()
}

#[test]
fn aborted_ones_are_found_by_any_part_of_them_in_the_order_in_which_they_began() {
    let mut t = Transactions::default();
    data(&mut t, 1, 0);
    data(&mut t, 2, 10);
    data(&mut t, 3, 20);
    abort(&mut t, 2, 30);
    abort(&mut t, 1, 40);
    commit(&mut t, 3, 50);
    data(&mut t, 2, 60);
    abort(&mut t, 2, 70);
    assert_eq!(told(&t, 0, 100), [(1, 0), (2, 10), (2, 60)]);
    assert_eq!(told(&t, 0, 10), [(1, 0)]);
    assert_eq!(told(&t, 30, 60), [(1, 0), (2, 10)]);
    assert_eq!(told(&t, 31, 60), [(1, 0)]);
    assert!(told(&t, 41, 60).is_empty());
    t.trim(41);
    assert_eq!(told(&t, 0, 100), [(2, 60)]);
}

#[test]
fn a_damaged_log_that_is_cut_below_the_high_watermark_opens_again_what_was_aborted_behind() {
    let mut t = Transactions::default();
    data(&mut t, 1, 0);
    data(&mut t, 2, 1);
    abort(&mut t, 1, 10);
    commit(&mut t, 2, 11);
    for offset in 0..3 {
        // So many that the first markers are forgotten.
        data(&mut t, 1, 20 + 2 * offset);
        commit(&mut t, 1, 21 + 2 * offset);
    }
    t.advance(30);
    t.truncate(5);
    let open = Open {
        first_offset: 0,
        epoch: -1,
    };
    assert_eq!(t.open_of(1), Some(open));
    assert_eq!(t.first_unstable(5), Some(0));
    assert!(told(&t, 0, 100).is_empty());
    // The same comes again from the leader.
    abort(&mut t, 1, 10);
    commit(&mut t, 2, 11);
    assert_eq!(told(&t, 0, 100), [(1, 0)]);
    assert_eq!(t.first_unstable(12), None);
}

#[test]
fn another_replica_is_told_of_what_is_open_below_its_start_and_of_the_markers_there() {
    let mut t = Transactions::default();
    data(&mut t, 1, 0);
    abort(&mut t, 1, 5);
    data(&mut t, 2, 6);
    data(&mut t, 1, 7);
    data(&mut t, 3, 8);
    commit(&mut t, 2, 20);
    let below = t.below(10);
    let open = |t: &Transactions, id| t.open_of(id).map(|open| open.first_offset);
    assert_eq!(
        [1, 2, 3].map(|id| open(&below, id)),
        [Some(7), Some(6), Some(8)]
    );
    assert_eq!(below.last_marker(1), t.last_marker(1));
    assert_eq!(below.last_marker(2), None);
    assert_eq!(below.first_unstable(10), Some(6));
    assert!(told(&below, 0, 99).is_empty());
    let mut below = below;
    commit(&mut below, 2, 20);
    assert_eq!(below.open, t.open);
    assert_eq!(t.below(0), Transactions::default());
    assert_eq!(t.below(6).first_unstable(6), None);

    let mut many = Transactions::default();
    for id in 0..2 * CARRIED_MAX as i64 {
        commit(&mut many, id, id);
    }
    let told = many.below(Offset::MAX);
    assert_eq!(told.producers.len(), CARRIED_MAX);
    assert!(told.last_marker(2 * CARRIED_MAX as i64 - 1).is_some());
}

#[test]
fn committed_markers_are_forgotten_but_for_the_last() {
    let mut t = Transactions::default();
    for offset in 0..100 {
        data(&mut t, 1, 2 * offset);
        commit(&mut t, 1, 2 * offset + 1);
    }
    assert_eq!(t.producers[&1].markers.len(), 2);
    assert_eq!(t.ended.len(), 1);
}

#[test]
fn what_is_stored_is_what_is_known() {
    let mut t = Transactions::default();
    data(&mut t, 1, 0);
    data(&mut t, 2, 1);
    abort(&mut t, 1, 2);
    let bytes = postcard::to_allocvec(&t).unwrap();
    let read: Transactions = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(read, t);
    assert_eq!(
        postcard::to_allocvec(&Transactions::default()).unwrap(),
        [0, 0, 0]
    );
}
