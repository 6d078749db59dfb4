//! Markers: sent until every partition has its own, by the coordinator that is in office.
//! What they end is in `end`.

use kring_wire::ErrorCode;

use super::actor::*;
use super::harness::Coordinator;

#[test]
fn a_partition_that_could_not_be_written_is_asked_again() {
    let mut c = Coordinator::new(1);
    let producer = c.begin(V1);
    c.add(producer, V1, &[("u", &[0, 1])]);
    c.end(producer, true, V1);
    let id = c.take_markers()[0].id;
    c.marker_written(id, ("t", 0), Ok(()));
    c.marker_written(id, ("u", 0), Err(ErrorCode::NotLeaderOrFollower));
    c.advance(49);
    assert!(c.markers.is_empty());
    c.advance(1);
    let again = c.take_markers();
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].id, id);
    assert_eq!(again[0].topics, owned(&[("u", &[0])]));
    assert_eq!(c.engine().stats().markers_under_way, 2);
    // A deleted partition needs none.
    c.marker_written(id, ("u", 0), Err(ErrorCode::UnknownTopicOrPartition));
    assert_eq!(c.state(), PrepareCommit);
    c.marker_written(id, ("u", 1), Ok(()));
    assert_eq!(c.state(), CompleteCommit);
    assert_eq!(c.engine().stats().markers_under_way, 0);
}

#[test]
fn an_attempt_without_an_answer_is_made_again_and_late_answers_do_no_harm() {
    let mut c = Coordinator::new(1);
    let producer = c.begin(V1);
    c.add(producer, V1, &[("u", &[0])]);
    c.end(producer, true, V1);
    let first = c.take_markers();
    c.advance(4_999);
    assert!(c.markers.is_empty());
    c.advance(1);
    assert_eq!(c.take_markers(), first);
    let id = first[0].id;
    // The answer to the first attempt, then that to the second.
    c.marker_written(id, ("t", 0), Ok(()));
    c.marker_written(id, ("t", 0), Err(ErrorCode::InvalidProducerEpoch));
    assert_eq!(c.state(), PrepareCommit);
    c.marker_written(id, ("u", 0), Ok(()));
    assert_eq!(c.state(), CompleteCommit);
    c.marker_written(id, ("t", 0), Err(ErrorCode::NotLeaderOrFollower));
    c.marker_written(id, ("x", 9), Ok(()));
    // And during the next transaction, whose markers have another id.
    c.add(producer, V1, &[("t", &[0])]);
    c.end(producer, false, V1);
    let next = c.take_markers();
    assert_ne!(next[0].id, id);
    c.marker_written(id, ("t", 0), Ok(()));
    assert_eq!(c.state(), PrepareAbort);
    c.marker_written(next[0].id, ("t", 0), Ok(()));
    assert_eq!(c.state(), CompleteAbort);
}

#[test]
fn where_another_coordinator_acts_this_one_stops_until_it_is_elected_again() {
    for error in [
        ErrorCode::InvalidProducerEpoch,
        ErrorCode::TransactionCoordinatorFenced,
    ] {
        let mut c = Coordinator::new(1);
        let producer = c.begin(V1);
        c.add(producer, V1, &[("u", &[0])]);
        c.end(producer, true, V1);
        let id = c.take_markers()[0].id;
        c.marker_written(id, ("u", 0), Err(error));
        c.marker_written(id, ("t", 0), Err(ErrorCode::RequestTimedOut));
        c.advance(60_000);
        assert!(c.markers.is_empty());
        assert_eq!(c.wake_at, None);
        assert_eq!(c.state(), PrepareCommit);
        assert_eq!(c.init().0, ConcurrentTransactions);
        c.fail_over(0, 0);
        let again = c.take_markers();
        assert_eq!(again[0].topics, owned(&[("t", &[0]), ("u", &[0])]));
        assert_ne!(again[0].id, id);
    }
}

#[test]
fn a_new_coordinator_goes_on_with_the_markers_at_once_under_its_own_epoch() {
    let mut c = Coordinator::new(2);
    let producer = c.begin(V2);
    c.end(producer, true, V2);
    let old = c.take_markers();
    c.fail_over(1, 0);
    let new = c.take_markers();
    assert_eq!(new.len(), 1);
    assert_eq!(new[0].coordinator_epoch, old[0].coordinator_epoch + 1);
    assert_eq!(new[0].producer_epoch, old[0].producer_epoch);
    assert_eq!(new[0].topics, old[0].topics);
    c.marker_written(new[0].id, ("t", 0), Ok(()));
    assert_eq!(c.state(), CompleteCommit);
}
