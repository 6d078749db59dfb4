//! The request header: whatever the bytes, it is read or refused, and what follows it is a part of the frame.
//! The body is other targets'.

use bytes::Bytes;
use kring_wire::RequestHeader;

use crate::allocation::unproven;

pub(super) fn run(data: &[u8]) {
    let (parsed, frame) = unproven(data.len(), || {
        let mut frame = Bytes::copy_from_slice(data);
        (RequestHeader::parse(&mut frame), frame)
    });
    if parsed.is_ok() {
        assert!(
            data.ends_with(&frame),
            "the body is what follows the header"
        );
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    super::request::seeds()
}
