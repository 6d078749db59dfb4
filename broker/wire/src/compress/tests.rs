//! Batches compressed by the Java client, round trips, bombs and garbage.
//! The uncompressed walk is tested in `records`.

use proptest::prelude::*;

use super::*;
use crate::{BatchBuilder, Record, golden};

const ALL: [Compression; 5] = [
    Compression::None,
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

fn read(batch: &Bytes) -> Vec<Record> {
    let header = BatchHeader::parse(batch).unwrap();
    crate::batch::check_crc(batch).unwrap();
    let records = decompressed_records(&header, batch, 1 << 20).unwrap();
    records.map(Result::unwrap).collect()
}

#[test]
fn batches_compressed_by_the_java_client_are_read() {
    let batches = golden::batches();
    assert_eq!(batches.len(), ALL.len());
    for (codec, batch) in ALL.iter().zip(batches) {
        assert_eq!(BatchHeader::parse(&batch).unwrap().compression, *codec);
        let records = read(&batch);
        assert_eq!(records.len(), 100, "{codec:?}");
        for (i, record) in records.iter().enumerate() {
            assert_eq!(
                record.key.as_deref().unwrap(),
                format!("key-{i}").as_bytes()
            );
            assert_eq!(record.value.as_ref().unwrap().len(), 50);
        }
    }
}

#[test]
fn a_builder_compresses_what_reads_back() {
    for codec in ALL {
        let mut builder = BatchBuilder::new();
        for i in 0..500 {
            builder.push(i, Some(b"key"), Some(&[b'v'; 200]));
        }
        let batch = builder.build_compressed(codec);
        let header = BatchHeader::parse(&batch).unwrap();
        assert_eq!(header.compression, codec);
        assert_eq!(read(&batch).len(), 500);
        assert_eq!(batch.len() > 100_000, codec == Compression::None);
    }
}

#[test]
fn a_bomb_is_given_up_at_the_cap() {
    let zeros = vec![0; 2 << 20];
    for codec in ALL {
        let bomb = compress(codec, &zeros);
        assert!(matches!(
            decompress(codec, &bomb, 1 << 20),
            Err(CompressError::TooLarge {
                max_bytes: 1_048_576
            })
        ));
        assert_eq!(decompress(codec, &bomb, 2 << 20).unwrap().len(), 2 << 20);
    }
}

#[test]
fn a_snappy_block_that_claims_too_much_is_refused_before_it_is_reserved() {
    // A length of 1 MiB as a varint, and nothing behind it.
    let claim = Bytes::from_static(&[0x80, 0x80, 0x40]);
    let error = decompress(Compression::Snappy, &claim, 2 << 20).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the records are not valid Snappy: a block claims more than it can hold"
    );
}

#[test]
fn bare_snappy_blocks_are_read_as_librdkafka_writes_them() {
    let block = snap::raw::Encoder::new()
        .compress_vec(b"hello hello hello")
        .unwrap();
    let bytes = decompress(Compression::Snappy, &Bytes::from(block), 100).unwrap();
    assert_eq!(bytes, "hello hello hello");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn what_is_compressed_decompresses(payload in proptest::collection::vec(any::<u8>(), 0..5000)) {
        for codec in ALL {
            let compressed = compress(codec, &payload);
            prop_assert_eq!(&decompress(codec, &compressed, 5000).unwrap()[..], &payload[..]);
        }
    }

    #[test]
    fn garbage_never_panics(payload in proptest::collection::vec(any::<u8>(), 0..500), flip in 0usize..500) {
        for codec in ALL {
            let _ = decompress(codec, &Bytes::from(payload.clone()), 1 << 16);
            let mut compressed = compress(codec, &payload).to_vec();
            if let Some(byte) = compressed.get_mut(flip) {
                *byte ^= 0x55;
            }
            let _ = decompress(codec, &Bytes::from(compressed), 1 << 16);
        }
    }
}
