//! EndTxn of the first version: the producer keeps its epoch.
//! The second version is in `end_raising_epochs`.

use super::actor::*;
use super::harness::Coordinator;

#[test]
fn an_end_is_stored_then_answered_then_marked_then_complete() {
    for (commit, prepared, complete) in [
        (true, PrepareCommit, CompleteCommit),
        (false, PrepareAbort, CompleteAbort),
    ] {
        let mut c = Coordinator::new(1);
        let producer = c.begin(V1);
        c.add(producer, V1, &[("s", &[4, 2])]);
        c.hold = true;
        let id = c.request(end_request(producer, commit, V1));
        assert!(c.answer(id).is_none() && c.markers.is_empty());
        assert_eq!(c.state(), Ongoing);
        c.complete_first();
        assert_eq!(c.answer(id).map(told), Some((Ok_, -1, -1)));
        assert_eq!(c.state(), prepared);
        let markers = c.take_markers();
        assert_eq!(markers.len(), 1);
        assert_eq!(markers[0].topics, owned(&[("s", &[2, 4]), ("t", &[0])]));
        assert_eq!(
            (markers[0].producer_id, markers[0].producer_epoch),
            producer
        );
        assert_eq!(markers[0].commit, commit);
        assert_eq!(markers[0].coordinator_epoch, c.epoch());
        for target in [("s", 4), ("t", 0), ("s", 2)] {
            assert_eq!(c.state(), prepared);
            c.marker_written(markers[0].id, target, Ok(()));
        }
        // The last record is under way.
        assert_eq!(c.state(), prepared);
        c.complete_first();
        let described = c.describe(NAME);
        assert_eq!(described.state, complete);
        assert!(described.topics.is_empty());
        assert_eq!((described.producer_id, described.producer_epoch), producer);
        assert_eq!(c.engine().stats().completed_total, 1);
    }
}

#[test]
fn an_end_that_is_repeated_hears_the_same_and_another_outcome_is_refused() {
    let mut c = Coordinator::new(1);
    let producer = c.begin(V1);
    c.end(producer, true, V1);
    assert_eq!(c.end(producer, true, V1).0, ConcurrentTransactions);
    assert_eq!(c.end(producer, false, V1).0, InvalidTxnState);
    c.write_markers();
    let records = c.log().len();
    assert_eq!(c.end(producer, true, V1), (Ok_, -1, -1));
    assert_eq!(c.end(producer, false, V1).0, InvalidTxnState);
    assert_eq!(c.log().len(), records);
}

#[test]
fn only_the_current_producer_ends_and_only_what_is_open() {
    let mut c = Coordinator::new(1);
    assert_eq!(c.end((FRESH, 0), true, V1).0, InvalidProducerIdMapping);
    c.init();
    for commit in [true, false] {
        assert_eq!(c.end((FRESH, 0), commit, V1).0, InvalidTxnState);
    }
    c.begin(V1);
    assert_eq!(c.end((FRESH, 0), true, V1).0, ProducerFenced);
    assert_eq!(c.end((FRESH, 2), true, V1).0, ProducerFenced);
    assert_eq!(c.end((FRESH + 1, 1), true, V1).0, InvalidProducerIdMapping);
    assert_eq!(c.end((FRESH, 1), true, V1).0, Ok_);
}

#[test]
fn the_same_producer_goes_on_with_the_next_transaction() {
    let mut c = Coordinator::new(1);
    let producer = c.begin(V1);
    for commit in [true, false, true] {
        assert_eq!(c.end(producer, commit, V1).0, Ok_);
        c.write_markers();
        assert_eq!(c.add(producer, V1, &[("t", &[1])]), Ok_);
        let described = c.describe(NAME);
        assert_eq!(described.topics, owned(&[("t", &[1])]));
    }
}
