//! Sequences, epochs and duplicates of idempotent producers.

use super::*;
use kring_wire::BatchBuilder;

fn batch(epoch: i16, base_sequence: i32, records: usize, base_offset: Offset) -> BatchHeader {
    let mut builder = BatchBuilder::new()
        .at(base_offset, 0)
        .producer(9, epoch, base_sequence);
    for _ in 0..records {
        builder.push(1, None, Some(b"v"));
    }
    BatchHeader::parse(&builder.build()).unwrap()
}

/// Appends where everything before is committed.
fn append(producers: &mut Producers, header: &BatchHeader) {
    append_above(producers, header, header.base_offset);
}

fn append_above(producers: &mut Producers, header: &BatchHeader, high_watermark: Offset) {
    assert_eq!(producers.check(header), Ok(Verdict::New));
    producers.appended(header, high_watermark, 100);
}

#[test]
fn a_batch_that_came_already_is_answered_with_its_first_offsets() {
    let mut producers = Producers::default();
    for i in 0..6 {
        append(&mut producers, &batch(0, i * 2, 2, i64::from(i) * 2));
    }
    let again = producers.check(&batch(0, 4, 2, 99));
    assert!(matches!(
        again,
        Ok(Verdict::Duplicate(AppendedBatch {
            base_offset: 4,
            last_offset: 5,
            ..
        }))
    ));
    // The first of six is no longer remembered.
    assert!(matches!(
        producers.check(&batch(0, 0, 2, 99)),
        Err(AppendError::OutOfOrderSequence { expected: 12, .. })
    ));
}

#[test]
fn a_gap_is_refused_and_the_sequence_wraps() {
    let mut producers = Producers::default();
    append(&mut producers, &batch(0, i32::MAX - 1, 2, 0));
    assert!(producers.check(&batch(0, 1, 1, 2)).is_err());
    append(&mut producers, &batch(0, 0, 1, 2));
}

#[test]
fn a_newer_epoch_begins_at_zero_and_fences_the_older() {
    let mut producers = Producers::default();
    append(&mut producers, &batch(1, 0, 1, 0));
    assert!(matches!(
        producers.check(&batch(2, 5, 1, 1)),
        Err(AppendError::OutOfOrderSequence { expected: 0, .. })
    ));
    append(&mut producers, &batch(2, 0, 1, 1));
    assert!(matches!(
        producers.check(&batch(1, 1, 1, 2)),
        Err(AppendError::InvalidProducerEpoch { current: 2, .. })
    ));
}

#[test]
fn truncated_batches_may_come_again_as_new_ones() {
    let mut producers = Producers::default();
    append(&mut producers, &batch(0, 0, 2, 0));
    append(&mut producers, &batch(0, 2, 2, 2));
    producers.truncate(2);
    append(&mut producers, &batch(0, 2, 2, 2));
    producers.truncate(0);
    assert!(producers.is_empty());
}

#[test]
fn however_much_is_truncated_what_is_committed_is_remembered() {
    let mut producers = Producers::default();
    for i in 0..8 {
        append(&mut producers, &batch(0, i, 1, i64::from(i)));
    }
    for i in 8..40 {
        append_above(&mut producers, &batch(0, i, 1, i64::from(i)), 8);
    }
    append_above(&mut producers, &batch(1, 0, 1, 40), 8);
    producers.truncate(8);
    assert!(matches!(
        producers.check(&batch(0, 9, 1, 8)),
        Err(AppendError::OutOfOrderSequence { expected: 8, .. })
    ));
    for i in 3..8 {
        let again = producers.check(&batch(0, i, 1, 8));
        assert!(matches!(again, Ok(Verdict::Duplicate(_))), "{i}: {again:?}");
    }
    append(&mut producers, &batch(0, 8, 1, 8));
}

#[test]
fn what_is_committed_is_forgotten_but_for_the_last() {
    let mut producers = Producers::default();
    for i in 0..100 {
        append(&mut producers, &batch(0, i, 1, i64::from(i)));
    }
    assert_eq!(producers.0[&9].batches.len(), UNDER_WAY_MAX + 1);
}

#[test]
fn silent_producers_are_forgotten() {
    let mut producers = Producers::default();
    append(&mut producers, &batch(0, 0, 1, 0));
    producers.expire(149, 50, |_| false);
    assert!(!producers.is_empty());
    producers.expire(150, 50, |id| id == 9);
    assert!(!producers.is_empty(), "it has a transaction open");
    assert_eq!(producers.forget_oldest(|id| id == 9), None);
    producers.expire(150, 50, |_| false);
    assert!(producers.is_empty());
}

#[test]
fn another_replica_is_told_of_committed_batches_below_its_start_and_of_those_seen_last() {
    let mut producers = Producers::default();
    for i in 0..8 {
        append(&mut producers, &batch(0, i * 2, 2, i64::from(i) * 2));
    }
    let mut told = producers.below(11);
    // Those of offsets 10 to 15 it finds in its log; of those before three are remembered.
    let offsets = |producers: &Producers| -> Vec<Offset> {
        let batches = producers.0.values().flat_map(|p| &p.batches);
        batches.map(|b| b.base_offset).collect()
    };
    assert_eq!(offsets(&told), [4, 6, 8]);
    for i in 5..8 {
        append(&mut told, &batch(0, i * 2, 2, i64::from(i) * 2));
    }
    assert_eq!(
        told.check(&batch(0, 8, 2, 99)),
        producers.check(&batch(0, 8, 2, 99))
    );
    assert!(producers.below(0).is_empty());

    let mut many = Producers::default();
    for id in 0..2 * CARRIED_MAX as i64 {
        let mut builder = BatchBuilder::new().at(id, 0).producer(id, 0, 0);
        builder.push(1, None, Some(b"v"));
        let header = BatchHeader::parse(&builder.build()).unwrap();
        many.appended(&header, id, 1000 - id);
    }
    let told = many.below(Offset::MAX);
    assert_eq!(told.0.len(), CARRIED_MAX);
    assert!(told.knows(0) && !told.knows(CARRIED_MAX as i64));
}
