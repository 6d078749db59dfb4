//! Our own codec of Produce: it takes or refuses any bytes, and hands out only what lies in them.
//! It appends nothing.

use bytes::Bytes;
use kring_wire::produce::ProduceRequest;

use crate::allocation::decoder;

pub(super) fn run(data: &[u8]) {
    let Some((version, body)) = data.split_first() else {
        return;
    };
    let version = i16::from(*version % 14);
    let parse = || ProduceRequest::parse(version, Bytes::copy_from_slice(body));
    let Ok(request) = decoder(body.len(), parse) else {
        return;
    };
    let partitions = request.topics.iter().flat_map(|topic| &topic.partitions);
    let records: usize = partitions
        .filter_map(|partition| partition.records.as_ref())
        .map(Bytes::len)
        .sum();
    assert!(records <= body.len(), "records are bytes of the request");
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    super::request::bodies(0)
}
