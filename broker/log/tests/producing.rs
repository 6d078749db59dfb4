//! What a leader takes from producers, what it refuses, and duplicates across restarts.

mod rig;

use bytes::Bytes;
use kring_log::{AppendError, TimestampType, TopicLogConfig};
use kring_wire::{BatchBuilder, BatchHeader};
use rig::{Rig, WALL_MS, batch, batch_at, small};

fn idempotent(sequence: i32) -> Bytes {
    let mut builder = BatchBuilder::new().producer(42, 0, sequence);
    builder.push(WALL_MS, None, Some(b"v"));
    builder.push(WALL_MS, None, Some(b"w"));
    builder.build()
}

#[test]
fn a_duplicate_gets_the_first_offsets_also_after_restarts() {
    let mut rig = Rig::started(1, small());
    let tp = rig.create(0);
    for i in 0..3 {
        let now = rig.now();
        let first = rig.log.append(now, tp, 0, idempotent(i * 2)).unwrap();
        assert!(!first.duplicate);
    }
    let again = |rig: &mut Rig| {
        let now = rig.now();
        rig.log.append(now, tp, 0, idempotent(2)).unwrap()
    };
    let before_durable = again(&mut rig);
    assert!(before_durable.duplicate);
    assert!(before_durable.lsn > rig.log.durable_lsn());
    rig.commit();
    rig.crash().unwrap();
    let from_journal = again(&mut rig);
    assert_eq!((from_journal.base_offset, from_journal.last_offset), (2, 3));
    assert!(from_journal.duplicate && from_journal.lsn <= rig.log.durable_lsn());
    rig.shut_down();
    rig.restart().unwrap();
    assert_eq!(again(&mut rig).base_offset, 2);
    assert_eq!(rig.log.state(tp).unwrap().log_end, 6);
    let now = rig.now();
    let gap = rig.log.append(now, tp, 0, idempotent(20));
    assert!(matches!(
        gap,
        Err(AppendError::OutOfOrderSequence { expected: 6, .. })
    ));
}

#[test]
fn a_leader_refuses_what_a_consumer_could_not_trust() {
    let mut rig = Rig::started(2, small());
    let config = TopicLogConfig {
        max_message_bytes: 500,
        ..TopicLogConfig::default()
    };
    let tp = rig.create_with(0, config);
    let now = rig.now();
    let mut append = |bytes: Bytes| rig.log.append(now, tp, 0, bytes).unwrap_err();
    let mut flipped = batch(&[b"value"]).to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    assert!(matches!(
        append(flipped.into()),
        AppendError::CorruptRecord { .. }
    ));
    let mut old = batch(&[b"value"]).to_vec();
    old[16] = 1;
    assert!(matches!(
        append(old.into()),
        AppendError::UnsupportedFormat { magic: 1 }
    ));
    let two = [batch(&[b"a"]), batch(&[b"b"])].concat();
    assert!(matches!(
        append(two.into()),
        AppendError::InvalidRecord { .. }
    ));
    let large = append(batch(&[&[0; 600]]));
    assert!(matches!(
        large,
        AppendError::MessageTooLarge {
            limit_bytes: 500,
            ..
        }
    ));
    let future = append(batch_at(WALL_MS + 7_200_000, &[b"v"]));
    assert!(matches!(future, AppendError::InvalidTimestamp { .. }));
    assert!(matches!(
        append(Bytes::new()),
        AppendError::CorruptRecord { .. }
    ));
    assert_eq!(rig.log.state(tp).unwrap().log_end, 0);
}

#[test]
fn a_compacted_topic_needs_keys() {
    let mut rig = Rig::started(3, small());
    let config = TopicLogConfig {
        compact: true,
        ..TopicLogConfig::default()
    };
    let tp = rig.create_with(0, config);
    let now = rig.now();
    let refused = rig.log.append(now, tp, 0, idempotent(0)).unwrap_err();
    assert!(refused.to_string().contains("needs a key"), "{refused}");
    rig.log.append(now, tp, 0, batch(&[b"keyed"])).unwrap();
}

#[test]
fn an_older_leader_is_fenced_by_what_is_in_the_log() {
    let mut rig = Rig::started(4, small());
    let tp = rig.create(0);
    let now = rig.now();
    rig.log.append(now, tp, 5, batch(&[b"a"])).unwrap();
    assert!(matches!(
        rig.log.append(now, tp, 4, batch(&[b"b"])),
        Err(AppendError::FencedEpoch {
            epoch: 4,
            current: 5
        })
    ));
}

#[test]
fn log_append_time_is_stamped_and_sealed() {
    let mut rig = Rig::started(5, small());
    let config = TopicLogConfig {
        timestamp_type: TimestampType::LogAppendTime,
        ..TopicLogConfig::default()
    };
    let tp = rig.create_with(0, config);
    let now = rig.now();
    let appended = rig.log.append(now, tp, 3, batch_at(5, &[b"v"])).unwrap();
    assert_eq!(appended.log_append_time_ms, now.wall_ms);
    let read = rig.read(tp, 0, 1000).unwrap();
    let header = BatchHeader::parse(&read[0]).unwrap();
    assert_eq!(
        (header.max_timestamp_ms, header.leader_epoch),
        (now.wall_ms, 3)
    );
    kring_wire::batch::check_crc(&read[0]).unwrap();
}

#[test]
fn a_value_above_the_journal_s_room_is_told_before_it_is_lost() {
    let mut rig = Rig::started(6, small());
    let config = TopicLogConfig {
        max_message_bytes: usize::MAX,
        ..TopicLogConfig::default()
    };
    let tp = rig.create_with(0, config);
    let now = rig.now();
    let large = batch(&[&vec![0; 300 << 10]]);
    let refused = rig.log.append(now, tp, 0, large);
    assert!(matches!(refused, Err(AppendError::MessageTooLarge { .. })));
    // Larger than a group, smaller than a file.
    let medium = batch(&[&vec![0; 60 << 10]]);
    rig.log.append(now, tp, 0, medium).unwrap();
    rig.commit();
    rig.crash().unwrap();
    assert_eq!(rig.read_all(tp)[0].1.len(), 60 << 10);
}
