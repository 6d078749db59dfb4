//! Reads, slices, truncation and eviction of a tail.

use super::*;
use kring_wire::BatchBuilder;
use kring_wire::batch::assign;

fn batch(value_bytes: usize) -> Bytes {
    let mut builder = BatchBuilder::new();
    builder.push(1, None, Some(&vec![b'v'; value_bytes]));
    builder.push(2, None, Some(b"w"));
    builder.build()
}

/// Batches of two records each; a new segment begins at offset 10.
fn tail(batches: i64, value_bytes: usize) -> Tail {
    let mut tail = Tail::new(0, 0);
    for i in 0..batches {
        if i == 5 {
            tail.roll(10);
        }
        tail.push(&batch(value_bytes), |copy| {
            assign(copy, i * 2, 3);
            BatchHeader::parse(copy).unwrap()
        });
    }
    tail
}

fn offsets(parts: &[Bytes]) -> Vec<Offset> {
    parts
        .iter()
        .flat_map(kring_wire::batches)
        .map(|b| b.unwrap().0.base_offset)
        .collect()
}

#[test]
fn a_read_begins_with_the_batch_that_holds_the_offset() {
    for value_bytes in [10, 3000, 300_000] {
        let mut tail = tail(8, value_bytes);
        assert_eq!(offsets(&tail.read(0, 99, usize::MAX)).len(), 8);
        assert_eq!(offsets(&tail.read(7, 99, 1)), [6]);
        assert_eq!(offsets(&tail.read(4, 10, usize::MAX)), [4, 6, 8]);
        assert_eq!(offsets(&tail.read(4, 9, usize::MAX)), [4, 6]);
        assert!(tail.read(16, 99, usize::MAX).is_empty());
    }
}

#[test]
fn neighbouring_small_batches_are_one_part() {
    let mut tail = tail(5, 10);
    assert_eq!(tail.read(0, 99, usize::MAX).len(), 1);
}

#[test]
fn a_slice_ends_with_its_segment() {
    let mut tail = tail(8, 10);
    let first = tail.slice(2, 99, usize::MAX);
    assert_eq!((first.segment, first.next_offset()), (0, Some(10)));
    assert_eq!(offsets(&first.parts), [2, 4, 6, 8]);
    let second = tail.slice(10, 99, usize::MAX);
    assert_eq!((second.segment, second.next_offset()), (10, Some(16)));
    assert!(tail.slice(16, 99, usize::MAX).batches.is_empty());
    assert_eq!(offsets(&tail.slice(10, 99, 1).parts), [10]);
    assert_eq!(offsets(&tail.slice(10, 13, usize::MAX).parts), [10]);
}

#[test]
fn truncated_batches_are_gone_and_others_follow() {
    let mut tail = tail(8, 10);
    let before = tail.bytes();
    tail.read(0, 99, usize::MAX);
    tail.truncate(6);
    assert_eq!(tail.bytes(), before / 8 * 3);
    tail.push(&batch(20), |copy| {
        assign(copy, 6, 4);
        BatchHeader::parse(copy).unwrap()
    });
    assert_eq!(offsets(&tail.read(0, 99, usize::MAX)), [0, 2, 4, 6]);
}

#[test]
fn eviction_drops_from_the_front_and_never_beyond_the_limit() {
    let mut tail = tail(8, 300_000);
    let freed = tail.evict(8, 400_000);
    assert!(freed >= 400_000);
    assert_eq!(tail.start(), 4);
    tail.evict(8, usize::MAX);
    assert_eq!(tail.start(), 8);
    assert_eq!(offsets(&tail.read(8, 99, 1)), [8]);
}

#[test]
fn large_replicated_data_is_not_copied() {
    let mut tail = Tail::new(0, 0);
    let bytes = batch(100_000);
    let header = BatchHeader::parse(&bytes).unwrap();
    tail.push_shared(&bytes, &[header]);
    assert_eq!(tail.read(0, 9, 1)[0].as_ptr(), bytes.as_ptr());
}
