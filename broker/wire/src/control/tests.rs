//! What markers look like on the wire, and what is not one.

use proptest::prelude::*;

use super::*;
use crate::golden::unhex;

fn marker(outcome: TransactionOutcome) -> EndTxnMarker {
    EndTxnMarker {
        producer_id: 4_000,
        producer_epoch: 3,
        coordinator_epoch: 7,
        outcome,
    }
}

fn read(batch: &Bytes) -> Result<Option<EndTxnMarker>, ControlError> {
    EndTxnMarker::parse(&BatchHeader::parse(batch).unwrap(), batch)
}

/// A control batch with this key and value.
fn control(key: Option<&[u8]>, value: Option<&[u8]>) -> Bytes {
    let attributes = Attributes::default().with_transactional().with_control();
    let mut builder = BatchBuilder::new()
        .producer(1, 0, -1)
        .attributes(attributes);
    builder.push(5, key, value);
    builder.build()
}

#[test]
fn a_marker_has_the_bytes_of_kafkas() {
    let commit = marker(TransactionOutcome::Commit).build(1_700_000_000_000);
    // Header of 61 bytes; a record of 17: key 0000 0001, value 0000 00000007.
    let expected = "000000000000000000000042ffffffff02ce4cf28e003000000000\
                    0000018bcfe568000000018bcfe568000000000000000fa00003ffffffff00000001\
                    2000000008000000010c00000000000700";
    assert_eq!(commit, unhex(expected));
    crate::batch::check_crc(&commit).unwrap();
}

#[test]
fn other_batches_are_no_markers() {
    let mut data = BatchBuilder::new().transactional(9, 1);
    data.push(5, Some(&[0, 0, 0, 1]), Some(&[0; 6]));
    let data = data.build();
    assert_eq!(read(&data), Ok(None));
    let header = BatchHeader::parse(&data).unwrap();
    assert!(header.attributes.is_transactional() && !header.attributes.is_control());
    let producer = (header.producer_id, header.producer_epoch);
    assert_eq!((producer, header.base_sequence), ((9, 1), -1));
    // A leader change of the metadata quorum.
    assert_eq!(read(&control(Some(&[0, 0, 0, 2]), None)), Ok(None));
}

#[test]
fn later_versions_may_say_more() {
    let longer = control(Some(&[0, 1, 0, 0, 9]), Some(&[0, 1, 0, 0, 0, 8, 9]));
    let read = read(&longer).unwrap().unwrap();
    let seen = (read.outcome, read.coordinator_epoch);
    assert_eq!(seen, (TransactionOutcome::Abort, 8));
}

#[test]
fn what_is_cut_off_or_negative_is_refused() {
    let value: &[u8] = &[0, 0, 0, 0, 0, 1];
    let key: &[u8] = &[0, 0, 0, 1];
    for (key, value, field) in [
        (None, Some(value), "key"),
        (Some(&key[..3]), Some(value), "key"),
        (Some(&[0xff, 0xff, 0, 1][..]), Some(value), "key"),
        (Some(key), None, "value"),
        (Some(key), Some(&value[..5]), "value"),
        (Some(key), Some(&[0xff, 0xff, 0, 0, 0, 1][..]), "value"),
    ] {
        let error = read(&control(key, value));
        assert_eq!(error, Err(ControlError::Malformed { field }));
    }
    let mut nobody = marker(TransactionOutcome::Abort);
    nobody.producer_id = -1;
    let field = "producer";
    assert_eq!(
        read(&nobody.build(0)),
        Err(ControlError::Malformed { field })
    );
}

proptest! {
    #[test]
    fn a_marker_reads_back(
        producer_id in 0i64.., producer_epoch in 0i16.., coordinator_epoch: i32, commit: bool,
        timestamp_ms in 0i64..4_000_000_000_000,
    ) {
        let outcome = TransactionOutcome::from_id(i16::from(commit)).unwrap();
        let marker = EndTxnMarker { producer_id, producer_epoch, coordinator_epoch, outcome };
        let batch = marker.build(timestamp_ms);
        prop_assert_eq!(read(&batch), Ok(Some(marker)));
        prop_assert_eq!(BatchHeader::parse(&batch).unwrap().max_timestamp_ms, timestamp_ms);
    }

    #[test]
    fn a_changed_byte_never_panics(at in 61usize..78, to: u8) {
        let mut batch = marker(TransactionOutcome::Commit).build(1).to_vec();
        batch[at] = to;
        let _ = read(&batch.into());
    }
}
