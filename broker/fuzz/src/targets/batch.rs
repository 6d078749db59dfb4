//! Record batches: header, checksum, the walk over batches, and the records in them.
//! A batch that a sealed header and checksum vouch for must be walked to its end or refused.

use bytes::Bytes;
use kring_wire::compress::decompressed_records;
use kring_wire::{BatchBuilder, BatchHeader, batch, batches, records};

/// Cap of what a batch may become when it is decompressed.
const DECOMPRESSED_BYTES_MAX: usize = 1 << 20;

pub(super) fn run(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    let mut walked = 0;
    for found in batches(&bytes) {
        let Ok((header, whole)) = found else {
            break;
        };
        assert_eq!(
            header.total_bytes,
            whole.len(),
            "a batch has the length it says"
        );
        walked += whole.len();
        look(&header, &whole);
    }
    assert!(walked <= data.len(), "batches do not overlap");
    // A checksum stops almost every mutation, so the same bytes are tried again with a true one.
    let mut sealed = data.to_vec();
    if BatchHeader::parse(&sealed).is_ok_and(|header| header.total_bytes == sealed.len()) {
        batch::seal(&mut sealed);
        assert_eq!(batch::check_crc(&sealed), Ok(()), "a sealed batch verifies");
        let sealed = Bytes::from(sealed);
        let header = BatchHeader::parse(&sealed).expect("the seal changes the checksum only");
        look(&header, &sealed);
    }
}

fn look(header: &BatchHeader, whole: &Bytes) {
    // No offset follows the last one there is; no log takes a batch there.
    assert!(
        header.next_offset() > header.base_offset
            || !header.is_dense()
            || header.last_offset() < 0
            || header.base_offset == i64::MAX
    );
    if let Ok(plain) = records(header, whole) {
        let read = plain.take_while(Result::is_ok).count();
        assert!(read <= whole.len(), "a record takes a byte at least");
    }
    if let Ok(found) = decompressed_records(header, whole, DECOMPRESSED_BYTES_MAX) {
        let read = found.take_while(Result::is_ok).count();
        assert!(
            read <= DECOMPRESSED_BYTES_MAX,
            "a record takes a byte at least"
        );
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut one = BatchBuilder::new();
    one.push(1_700_000_000_000, Some(b"key"), Some(b"value"));
    let mut many = BatchBuilder::new();
    for number in 0..20_u8 {
        many.push(
            1_700_000_000_000 + i64::from(number),
            None,
            Some(&[number; 30]),
        );
    }
    let (one, many) = (one.build(), many.build());
    vec![one.to_vec(), many.to_vec(), [one, many].concat()]
}
