//! Each check finds the violation that is planted for it, and a good history has none.
//! It runs no broker.

use kring_io::{BrokerId, Instant};

use super::run;
use crate::history::{Happened, History, RecordId};

fn record(sequence: u64) -> RecordId {
    RecordId {
        producer: 1,
        sequence,
    }
}

fn history(events: Vec<Happened>) -> History {
    let mut history = History::default();
    for (at, happened) in events.into_iter().enumerate() {
        history.push(Instant(at as u64), happened);
    }
    history
}

fn invoked(sequence: u64) -> Happened {
    Happened::Invoked {
        record: record(sequence),
        partition: 0,
    }
}

fn acknowledged(sequence: u64, offset: i64) -> Happened {
    Happened::Acknowledged {
        record: record(sequence),
        partition: 0,
        offset,
    }
}

fn kept(sequence: u64, offset: i64, replica: i32) -> Happened {
    Happened::Kept {
        record: record(sequence),
        partition: 0,
        offset,
        replica: BrokerId(replica),
    }
}

fn swept(replica: i32) -> Happened {
    Happened::Swept {
        partition: 0,
        replica: BrokerId(replica),
        high_watermark: 10,
    }
}

fn found(events: Vec<Happened>) -> Vec<&'static str> {
    run(&history(events))
        .into_iter()
        .map(|violation| violation.check)
        .collect()
}

#[test]
fn a_good_history_has_no_violation() {
    let events = vec![
        invoked(0),
        acknowledged(0, 0),
        invoked(1),
        acknowledged(1, 1),
        kept(0, 0, 1),
        kept(1, 1, 1),
        swept(1),
        kept(0, 0, 2),
        kept(1, 1, 2),
        swept(2),
    ];
    assert_eq!(found(events), Vec::<&str>::new());
}

#[test]
fn an_acknowledged_record_that_one_replica_lacks_is_lost() {
    let events = vec![
        invoked(0),
        acknowledged(0, 0),
        kept(0, 0, 1),
        swept(1),
        swept(2),
    ];
    assert_eq!(found(events), ["lost write"]);
}

#[test]
fn an_acknowledged_record_that_nobody_looked_for_counts_as_lost() {
    assert_eq!(found(vec![invoked(0), acknowledged(0, 0)]), ["lost write"]);
}

#[test]
fn two_records_at_one_offset_diverge() {
    let events = vec![kept(0, 0, 1), swept(1), kept(1, 0, 2), swept(2)];
    assert_eq!(found(events), ["divergent offset"]);
}

#[test]
fn a_record_at_two_offsets_is_a_duplicate() {
    assert_eq!(
        found(vec![kept(0, 0, 1), kept(0, 1, 1), swept(1)]),
        ["duplicate"]
    );
}

#[test]
fn an_older_record_behind_a_newer_breaks_the_producers_order() {
    assert_eq!(
        found(vec![kept(1, 0, 1), kept(0, 1, 1), swept(1)]),
        ["producer order"]
    );
}

#[test]
fn a_record_before_one_acknowledged_earlier_breaks_real_time_order() {
    let events = vec![
        invoked(0),
        acknowledged(0, 5),
        invoked(1),
        acknowledged(1, 4),
        kept(1, 4, 1),
        kept(0, 5, 1),
        swept(1),
    ];
    assert!(found(events).contains(&"real-time order"));
}
