//! The bounds check and the decoder behind it: what passes the first must not make the second reserve memory without end.
//! It answers nothing; the target `request` does.

use bytes::{Buf, Bytes};
use kafka_protocol::messages::{ApiKey, RequestKind};
use kring_wire::bounds;
use kring_wire::header::API_VERSIONS_KEY;

use crate::allocation::{decoder, unproven};
use crate::golden;

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
    look(key, version, body);
}

/// Checks a body and, if it passes, decodes it.
pub(super) fn look(key: i16, version: i16, body: &[u8]) {
    let checked = unproven(body.len(), || bounds::check(key, version, body));
    if checked.is_err() {
        return;
    }
    let Ok(api) = ApiKey::try_from(key) else {
        return;
    };
    // Versions that the decoder lacks are the handlers' own.
    if version > api.valid_versions().max || version < api.valid_versions().min {
        return;
    }
    let decode = || {
        let mut bytes = Bytes::copy_from_slice(body);
        RequestKind::decode(api, &mut bytes, version)
            .is_ok()
            .then(|| bytes.remaining())
    };
    let left = match key {
        API_VERSIONS_KEY => unproven(body.len(), decode),
        // Produce and Fetch have codecs and targets of their own.
        0 | 1 => None,
        _ => decoder(body.len(), decode),
    };
    assert!(
        left.is_none_or(|left| left <= body.len()),
        "a decoder reads what is there"
    );
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    // An API key, a version above the oldest, and the body.
    golden::requests()
        .into_iter()
        .filter_map(|request| {
            let oldest = *bounds::versions(request.api_key)?.start();
            let key = u8::try_from(request.api_key).ok()?;
            let version = u8::try_from(request.version - oldest).ok()?;
            Some([&[key, version], &request.body[..]].concat())
        })
        .collect()
}
