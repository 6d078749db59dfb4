//! What the walk over records gives and refuses.
//! Compressed batches are tested in `compress`.

use proptest::prelude::*;

use super::*;
use crate::BatchBuilder;

type Fields = (
    i64,
    Option<Vec<u8>>,
    Option<Vec<u8>>,
    Vec<(Vec<u8>, Option<Vec<u8>>)>,
);

fn fields() -> impl Strategy<Value = Fields> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..80);
    let headers = proptest::collection::vec((bytes(), proptest::option::of(bytes())), 0..4);
    (
        0..2_000_000_000_000i64,
        proptest::option::of(bytes()),
        proptest::option::of(bytes()),
        headers,
    )
}

fn build(all: &[Fields]) -> Bytes {
    let mut builder = BatchBuilder::new().at(100, 1);
    for (timestamp_ms, key, value, headers) in all {
        let headers: Vec<_> = headers
            .iter()
            .map(|(k, v)| (&k[..], v.as_deref()))
            .collect();
        builder.push_with_headers(*timestamp_ms, key.as_deref(), value.as_deref(), &headers);
    }
    builder.build()
}

fn read(batch: &Bytes) -> Result<Vec<Record>, RecordError> {
    let header = BatchHeader::parse(batch).unwrap();
    records(&header, batch)?.collect()
}

proptest! {
    #[test]
    fn records_read_back_as_they_were_pushed(all in proptest::collection::vec(fields(), 1..6)) {
        let batch = build(&all);
        let read = read(&batch).unwrap();
        prop_assert_eq!(read.len(), all.len());
        for (i, (record, (timestamp_ms, key, value, headers))) in read.iter().zip(&all).enumerate() {
            prop_assert_eq!(record.offset, 100 + i as i64);
            prop_assert_eq!(record.timestamp_ms, *timestamp_ms);
            prop_assert_eq!(record.key.as_deref(), key.as_deref());
            prop_assert_eq!(record.value.as_deref(), value.as_deref());
            let got: Vec<_> = record.headers().map(|h| (h.key.to_vec(), h.value.map(|v| v.to_vec()))).collect();
            prop_assert_eq!(&got, headers);
        }
    }

    #[test]
    fn a_changed_byte_never_panics_and_never_gives_more_records(
        all in proptest::collection::vec(fields(), 1..4), at in 61usize..400, to: u8,
    ) {
        let mut batch = build(&all).to_vec();
        prop_assume!(at < batch.len());
        batch[at] = to;
        let batch = Bytes::from(batch);
        let header = BatchHeader::parse(&batch).unwrap();
        let walked = records(&header, &batch).unwrap().filter(Result::is_ok);
        for record in walked.flatten() {
            prop_assert_eq!(record.headers().count(), record.header_count());
        }
    }
}

#[test]
fn duplicate_header_keys_are_kept_in_order() {
    let all = vec![(
        0,
        None,
        None,
        vec![(b"h".to_vec(), Some(b"1".to_vec())), (b"h".to_vec(), None)],
    )];
    let read = read(&build(&all)).unwrap();
    let values: Vec<_> = read[0].headers().map(|h| h.value).collect();
    assert_eq!(values, [Some(Bytes::from_static(b"1")), None]);
}

#[test]
fn bytes_after_the_last_record_are_an_error() {
    let mut batch = build(&[(0, None, Some(b"v".to_vec()), vec![])]).to_vec();
    batch.push(0);
    let length = i32::try_from(batch.len() - 12).unwrap();
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    assert_eq!(
        read(&Bytes::from(batch)),
        Err(RecordError::Trailing { bytes: 1 })
    );
}

#[test]
fn a_count_above_the_records_is_an_error_at_the_missing_one() {
    let mut batch = build(&[(0, None, None, vec![])]).to_vec();
    batch[23..27].copy_from_slice(&i32::MAX.to_be_bytes());
    batch[57..61].copy_from_slice(&1_000_000_000i32.to_be_bytes());
    assert_eq!(
        read(&Bytes::from(batch)),
        Err(RecordError::Malformed {
            index: 1,
            field: "length"
        })
    );
}

#[test]
fn a_compressed_batch_is_not_walked() {
    let mut batch = build(&[(0, None, None, vec![])]).to_vec();
    batch[22] = 4;
    assert_eq!(read(&Bytes::from(batch)), Err(RecordError::Compressed));
}

#[test]
fn with_log_append_time_every_record_has_the_time_of_the_append() {
    let mut batch = build(&[(5, None, None, vec![]), (6, None, None, vec![])]).to_vec();
    crate::batch::set_log_append_time(&mut batch, 77);
    let times: Vec<_> = read(&Bytes::from(batch))
        .unwrap()
        .iter()
        .map(|r| r.timestamp_ms)
        .collect();
    assert_eq!(times, [77, 77]);
}
