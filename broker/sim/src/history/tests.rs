//! Histories survive being written down, values carry their identity, damage is seen.
//! No check runs here.

use kring_io::{BrokerId, Instant};

use super::{
    Asked, Happened, History, Mark, Outcome, Partition, RecordId, Records, Unreadable, Value,
    ValueError,
};

const PARTITION: Partition = Partition { topic: 7, index: 2 };

const RECORDS: Records = Records {
    producer: 3,
    first: 40,
    count: 5,
};

fn history() -> History {
    let mut history = History::default();
    history.name_topic(7, "with space % and é");
    let events = [
        Happened::Marked { mark: Mark::Faults },
        Happened::Invoked {
            records: RECORDS,
            partition: PARTITION,
            id: 4_000,
            epoch: 1,
            timestamp: 1_800_000_000_123,
        },
        Happened::Acknowledged {
            records: RECORDS,
            partition: PARTITION,
            offset: 17,
        },
        Happened::Listed {
            partition: PARTITION,
            from: BrokerId(2),
            since: Instant(1),
            asked: Asked::Timestamp(-9),
            offset: -1,
            timestamp: -1,
        },
        Happened::Committed {
            client: 1,
            group: 0,
            generation: 9,
            partition: PARTITION,
            offset: 18,
            outcome: Outcome::Unknown,
        },
        Happened::Ended {
            producer: 3,
            transaction: 12,
            commit: true,
            outcome: Outcome::Refused,
        },
        Happened::KeptMarker {
            partition: PARTITION,
            replica: BrokerId(1),
            offset: 45,
            id: 4_000,
            epoch: 2,
            commit: false,
            hash: 17,
        },
        Happened::Read {
            register: "topic/x y".to_owned(),
            from: BrokerId(0),
            since: Instant(2),
            value: String::new(),
            current: true,
        },
    ];
    for (at, happened) in (0..).zip(events) {
        history.push(Instant(at), happened);
    }
    history
}

fn written(history: &History) -> String {
    let mut bytes = Vec::new();
    history.write_to(&mut bytes).expect("memory takes it");
    String::from_utf8(bytes).expect("histories are text")
}

#[test]
fn a_history_survives_its_file() {
    let history = history();
    let text = written(&history);
    let again = History::read_from(text.as_bytes()).expect("it was just written");
    assert_eq!(again, history);
    assert_eq!(written(&again), text);
}

#[test]
fn the_first_bad_line_is_named() {
    let text = written(&history()) + "@9 ack 3:0+0 7/2 1\n";
    let lines = text.lines().count();
    let Err(Unreadable::Line { line, .. }) = History::read_from(text.as_bytes()) else {
        panic!("no run of records is empty");
    };
    assert_eq!(line, lines);
    let extra = written(&history()) + "@9 mark healed twice\n";
    assert!(matches!(
        History::read_from(extra.as_bytes()),
        Err(Unreadable::Line { .. })
    ));
}

#[test]
fn an_event_out_of_order_and_another_version_are_refused() {
    let back = written(&history()) + "@1 mark healed\n";
    assert!(matches!(
        History::read_from(back.as_bytes()),
        Err(Unreadable::Order { .. })
    ));
    assert!(matches!(
        History::read_from("kring-history 0\n".as_bytes()),
        Err(Unreadable::Header { .. })
    ));
    assert!(matches!(
        History::read_from("".as_bytes()),
        Err(Unreadable::Header { .. })
    ));
}

#[test]
fn lists_of_several_threads_merge_by_time() {
    let mut history = History::default();
    let mark = |mark| Happened::Marked { mark };
    history.merge([(Instant(5), mark(Mark::Healed))]);
    history.merge([
        (Instant(9), mark(Mark::Converged)),
        (Instant(1), mark(Mark::Faults)),
    ]);
    let order: Vec<u64> = history.events().map(|(at, _)| at.0).collect();
    assert_eq!(order, [1, 5, 9]);
}

#[test]
fn a_value_tells_who_wrote_it_and_any_changed_bit_is_seen() {
    let value = Value {
        id: RecordId {
            producer: 9,
            sequence: 1 << 40,
        },
        partition: PARTITION,
        timestamp: 1_800_000_000_123,
    };
    for padding in [0, 1, 100] {
        let bytes = value.to_bytes(padding);
        assert_eq!(Value::from_bytes(&bytes), Ok(value));
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Value::from_bytes(&damaged).is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(Value::from_bytes(&bytes[..length]).is_err());
        }
    }
    assert_eq!(Value::from_bytes(b"other"), Err(ValueError::Foreign));
}
