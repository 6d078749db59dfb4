//! Request headers of versions 1 and 2, and which header an answer has.
//! It dispatches nothing.

use bytes::Bytes;
use bytestring::ByteString;

use crate::bounds;
use crate::decode::{DecodeError, Decoder};

/// The key of ApiVersions, whose answer always has the old header: the client does not yet know
/// what the broker understands.
pub const API_VERSIONS_KEY: i16 = 18;

/// What precedes the body of every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    /// Which API.
    pub api_key: i16,
    /// Which version of it, not checked.
    pub api_version: i16,
    /// Repeated in the answer.
    pub correlation_id: i32,
    /// What the client calls itself.
    pub client_id: Option<ByteString>,
}

impl RequestHeader {
    /// Takes the header off the front of a frame (without its length); the body remains. A version
    /// that Kafka does not have is read like its neighbours, so that it can be answered.
    ///
    /// # Errors
    /// Any [`DecodeError`]; the connection is then closed. For an API that is unknown, the header is
    /// read as version 1.
    pub fn parse(frame: &mut Bytes) -> Result<RequestHeader, DecodeError> {
        let mut read = Decoder::new(std::mem::take(frame));
        let api_key = read.i16("API key")?;
        let api_version = read.i16("API version")?;
        let header = RequestHeader {
            api_key,
            api_version,
            correlation_id: read.i32("correlation id")?,
            // Classic in both versions, so that a broker can read it before it knows the version.
            client_id: read.nullable_string("client id", false)?,
        };
        read.skip_tags(bounds::is_flexible(api_key, api_version).unwrap_or(false))?;
        *frame = read.into_rest();
        Ok(header)
    }
}

/// Whether the answer's header has a tag section (response header version 1).
#[must_use]
pub fn response_header_is_flexible(api_key: i16, version: i16) -> bool {
    api_key != API_VERSIONS_KEY && bounds::is_flexible(api_key, version).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flexible_header_ends_after_its_tags() {
        let mut frame = Bytes::from_static(b"\0\x03\0\x0c\0\0\0\x07\0\x02me\x01\x05\x01xBODY");
        let header = RequestHeader::parse(&mut frame).unwrap();
        assert_eq!((header.api_key, header.api_version), (3, 12));
        assert_eq!(header.correlation_id, 7);
        assert_eq!(header.client_id.as_deref(), Some("me"));
        assert_eq!(frame, Bytes::from_static(b"BODY"));
    }

    #[test]
    fn a_classic_header_has_no_tags_and_may_have_no_client_id() {
        let mut frame = Bytes::from_static(b"\0\x03\0\x01\0\0\0\x07\xff\xffBODY");
        assert_eq!(RequestHeader::parse(&mut frame).unwrap().client_id, None);
        assert_eq!(frame, Bytes::from_static(b"BODY"));
    }

    #[test]
    fn api_versions_is_always_answered_with_the_old_header() {
        assert!(!response_header_is_flexible(18, 4));
        assert!(response_header_is_flexible(3, 12));
        assert!(!response_header_is_flexible(3, 8));
    }

    #[test]
    fn a_cut_header_is_an_error() {
        for len in 0..10 {
            let mut frame = Bytes::from_static(b"\0\x03\0\x01\0\0\0\x07\xff\xff").slice(..len);
            assert!(RequestHeader::parse(&mut frame).is_err());
        }
    }
}
