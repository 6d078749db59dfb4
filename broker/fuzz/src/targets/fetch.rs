//! Our own codec of Fetch: it takes or refuses any bytes, and names no more partitions than the bytes can hold.
//! It reads no log.

use bytes::Bytes;
use kring_wire::fetch::FetchRequest;

use crate::allocation::decoder;

/// The fewest bytes in which a partition can be asked for.
const PARTITION_BYTES_MIN: usize = 16;

pub(super) fn run(data: &[u8]) {
    let Some((version, body)) = data.split_first() else {
        return;
    };
    let version = 4 + i16::from(*version % 15);
    let parse = || FetchRequest::parse(version, Bytes::copy_from_slice(body));
    let Ok(request) = decoder(body.len(), parse) else {
        return;
    };
    let partitions: usize = request
        .topics
        .iter()
        .map(|topic| topic.partitions.len())
        .sum();
    assert!(
        partitions * PARTITION_BYTES_MIN <= body.len(),
        "a claim is no partition"
    );
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    super::request::bodies(1)
}
