//! Frames of the simulated clients: request headers out, response headers in.
//! It keeps no state; a client matches answers by their correlation ids.

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};

/// A request as a frame without its length.
pub fn frame<R: Request>(correlation: i32, version: i16, request: &R) -> Bytes {
    let mut out = BytesMut::new();
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(correlation)
        .with_client_id(Some(StrBytes::from_static_str("sim")));
    header
        .encode(&mut out, R::header_version(version))
        .expect("a header of our own encodes");
    request
        .encode(&mut out, version)
        .expect("a request of our own encodes");
    out.freeze()
}

/// The correlation id of an answer.
pub fn correlation(answer: &Bytes) -> Option<i32> {
    answer.first_chunk::<4>().map(|id| i32::from_be_bytes(*id))
}

/// Decodes an answer; none if it is not one of this request and version.
pub fn answer<R: Request>(version: i16, answer: &Bytes) -> Option<R::Response>
where
    R::Response: Decodable + HeaderVersion,
{
    let mut body = answer.clone();
    if body.len() < 4 {
        return None;
    }
    body.advance(4);
    let flexible_header = ApiKey::try_from(R::KEY)
        .ok()?
        .response_header_version(version)
        >= 1;
    if flexible_header {
        // No tagged field of a response header is defined: one byte, zero.
        if body.is_empty() || body.get_u8() != 0 {
            return None;
        }
    }
    R::Response::decode(&mut body, version).ok()
}
