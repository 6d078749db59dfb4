//! The request header: whatever the bytes, it is read or refused, and what follows it is a part of the frame.
//! The body is other targets'.

use bytes::Bytes;
use kring_wire::RequestHeader;

pub(super) fn run(data: &[u8]) {
    let mut frame = Bytes::copy_from_slice(data);
    if RequestHeader::parse(&mut frame).is_ok() {
        assert!(
            data.ends_with(&frame),
            "the body is what follows the header"
        );
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    super::request::seeds()
}
