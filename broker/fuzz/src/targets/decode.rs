//! The bounds check and the decoder behind it: what passes the first must not make the second reserve memory without end.
//! It answers nothing; the target `request` does.

use bytes::{Buf, Bytes};
use kafka_protocol::messages::{ApiKey, RequestKind};
use kring_wire::bounds;

/// The first byte chooses the API, the second the version, the rest is the body.
pub(super) fn run(data: &[u8]) {
    let [api, version, body @ ..] = data else {
        return;
    };
    let key = i16::from(*api);
    let Some(versions) = bounds::versions(key) else {
        return;
    };
    let count = i16::from_be_bytes([0, *version]) % (versions.end() - versions.start() + 1);
    let version = versions.start() + count;
    if bounds::check(key, version, body).is_err() {
        return;
    }
    let Ok(api) = ApiKey::try_from(key) else {
        return;
    };
    let mut bytes = Bytes::copy_from_slice(body);
    // Versions that the decoder lacks are the handlers' own.
    if version > api.valid_versions().max || version < api.valid_versions().min {
        return;
    }
    if RequestKind::decode(api, &mut bytes, version).is_ok() {
        assert!(
            bytes.remaining() <= body.len(),
            "a decoder reads what is there"
        );
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let frames = super::request::seeds();
    // An API key, a version, and what follows a header with a null client id.
    frames
        .into_iter()
        .filter_map(|frame| {
            let (key, version) = (frame.get(1)?, frame.get(3)?);
            Some([&[*key, *version], frame.get(10..)?].concat())
        })
        .collect()
}
