//! Pins what `FORMAT.md` draws: a change of a constant or an encoding is a change of format.
//! It holds tests only.

use bytes::Bytes;
use kring_wire::{BatchBuilder, TopicId, TopicPartition};

use crate::checkpoint::file::{self, SnapshotError};
use crate::checkpoint::snapshot::{Segments, Snapshot};
use crate::config::TopicLogConfig;
use crate::journal::block::{self, BlockHeader};
use crate::journal::parity;
use crate::journal::record::{self, Change};
use crate::journal::ring::{self, Geometry, Position};
use crate::lsn::Lsn;
use crate::segment::{self, Segment};
use crate::state::State;

#[test]
fn a_block_is_as_drawn() {
    let mut bytes = vec![0; block::HEADER_BYTES];
    bytes.extend_from_slice(b"payload");
    let header = BlockHeader {
        flags: block::FLAG_FIRST_OF_RUN,
        epoch: 0x0102_0304_0506_0708,
        lsn: Lsn(0x11),
        durable_lsn: Lsn(0x10),
        prev_crc: 0xaabb_ccdd,
        payload_bytes: 7,
        records: 1,
        crc: 0,
    };
    let crc = block::seal(&mut bytes, &header);
    assert_eq!(&bytes[..4], b"KRJB");
    assert_eq!(bytes[4..8], [2, 0, 1, 0]);
    assert_eq!(bytes[8..16], [8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(
        bytes[16..32],
        [0x11, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0]
    );
    assert_eq!(
        bytes[32..44],
        [0xdd, 0xcc, 0xbb, 0xaa, 7, 0, 0, 0, 1, 0, 0, 0]
    );
    let covered = [&bytes[..44], &bytes[48..]].concat();
    assert_eq!(crc, crc_fast::crc32_iscsi(&covered));
    assert_eq!(bytes[44..48], crc.to_le_bytes());
    bytes.resize(8192, 0);
    bytes[5000] = 0xf0;
    let parity = parity::of(&bytes);
    assert_eq!(parity[904], !0xf0 ^ bytes[904]);
    assert_eq!(
        parity[..48],
        bytes[..48].iter().map(|b| !b).collect::<Vec<u8>>()
    );
    assert_eq!(block::padded_bytes(7), 8192);
    assert_eq!(ring::path(3), "journal-0003.j");
}

#[test]
fn records_are_as_drawn() {
    let tp = TopicPartition::new(TopicId([9; 16]), 2);
    let mut batches = vec![1, 31, 0, 0, 0];
    batches.extend([9; 16]);
    batches.extend([2, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(record::batches_header(tp, 5, 3).to_vec(), batches);
    let value = Some(Bytes::from_static(b"v"));
    let state = Change::State {
        key: Bytes::from_static(b"k"),
        value,
    };
    let numbered = [
        (Change::Start, 0),
        (Change::Clean, 1),
        (Change::Delete { tp }, 4),
        (Change::Truncate { tp, to: 1 }, 6),
        (Change::LogStart { tp, offset: 1 }, 8),
        (state, 10),
    ];
    for (change, number) in numbered {
        let bytes = record::encode_change(&change);
        assert_eq!((bytes[0], bytes[5]), (2, number), "{change:?}");
        let read = record::take(&mut Bytes::from(bytes));
        assert_eq!(read, Some(record::Record::Change(change)));
    }
}

#[test]
fn a_checkpoint_is_as_drawn() {
    let geometry = Geometry {
        file_bytes: 1 << 20,
        files: 4,
    };
    let position = Position {
        file_seq: 7,
        offset: 4096,
    };
    let mut state = State::default();
    let value = Bytes::from_static(b"v");
    state.values.insert(Bytes::from_static(b"k"), value);
    let file = Snapshot::take(
        geometry,
        position,
        (Lsn(3), 4, 5),
        true,
        Segments::Written,
        &mut state,
    )
    .encode(6);
    assert_eq!(&file[..4], b"KRCP");
    assert_eq!(file[4..16], [3, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(file[16..24], ((file.len() - 32) as u64).to_le_bytes());
    let covered = [&file[..24], &file[32..]].concat();
    assert_eq!(file[24..28], crc_fast::crc32_iscsi(&covered).to_le_bytes());
    assert_eq!(
        file[32..],
        [
            0x80, 0x80, 0x40, 4, 7, 0x80, 0x20, 3, 4, 5, 1, 0, 1, 1, b'k', 1, b'v', 0
        ]
    );
    let (number, read) = file::decode(&file).unwrap();
    assert_eq!((number, read.position, read.lsn), (6, position, Lsn(3)));
    assert_eq!(read.restore(0).unwrap().values, state.values);
}

#[test]
fn a_checkpoint_of_the_format_before_is_read() {
    let tp = TopicPartition::new(TopicId([9; 16]), 2);
    let mut state = State::default();
    state.apply(&Change::Create {
        tp,
        topic_name: "t".to_owned(),
        config: TopicLogConfig::default(),
    });
    let mut batch = BatchBuilder::new().producer(4, 1, 7);
    batch.push(1, None, Some(b"v"));
    state.replay_batches(tp, 0, &batch.build(), 5).unwrap();
    let covered = (Lsn(3), 4, 5);
    let geometry = Geometry {
        file_bytes: 1 << 20,
        files: 4,
    };
    let position = Position::default();
    let segments = Segments::Written;
    let newer = Snapshot::take(geometry, position, covered, true, segments, &mut state).encode(6);
    // It has no transactions at its end.
    let mut older = newer[..newer.len() - 1].to_vec();
    older[4] = 2;
    let body_bytes = older.len() as u64 - 32;
    older[16..24].copy_from_slice(&body_bytes.to_le_bytes());
    let covered = [&older[..24], &older[32..]].concat();
    older[24..28].copy_from_slice(&crc_fast::crc32_iscsi(&covered).to_le_bytes());
    let (number, read) = file::decode(&older).unwrap();
    assert_eq!((number, read.is_older), (6, true));
    let read = read.restore(5).unwrap();
    let (before, after) = (&state.partitions[&tp], &read.partitions[&tp]);
    assert_eq!(before.state().log_end, after.state().log_end);
    assert_eq!(before.producer_states(), after.producer_states());
    assert!(!file::decode(&newer).unwrap().1.is_older);
    older[4] = 1;
    let covered = [&older[..24], &older[32..]].concat();
    older[24..28].copy_from_slice(&crc_fast::crc32_iscsi(&covered).to_le_bytes());
    assert!(matches!(
        file::decode(&older),
        Err(SnapshotError::OtherFormat(1))
    ));
}

#[test]
fn segments_have_kafkas_names() {
    let tp = TopicPartition::default();
    let mut segment = Segment::new(345, 0);
    assert_eq!(
        segment::path("t-0", segment.key(tp)),
        "t-0/00000000000000000345.log"
    );
    segment.rewrites = 2;
    assert_eq!(
        segment::path("t-0", segment.key(tp)),
        "t-0/00000000000000000345.2.log"
    );
}
