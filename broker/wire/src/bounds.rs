//! Proves, before a decoder that reserves what a frame claims sees it, that a request holds what it claims.
//! It decodes nothing: `kafka-protocol` does, afterwards. Produce and Fetch have codecs of their own.

mod schema;
mod schemas;
mod walk;

use std::ops::RangeInclusive;

use thiserror::Error;

use crate::DecodeError;
use crate::decode::DECODED_BYTES_MAX;
use crate::header::API_VERSIONS_KEY;
use schema::Api;

/// Why a request is not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BoundsError {
    /// No broker serves this API. Kafka closes the connection.
    #[error("API key {api_key} does not exist")]
    UnknownApi {
        /// The key.
        api_key: i16,
    },
    /// Kafka 4.4 has no such version of the API.
    #[error("{api} has the versions {min} to {max}, not {version}")]
    UnsupportedVersion {
        /// Name of the API.
        api: &'static str,
        /// The version asked for.
        version: i16,
        /// The oldest.
        min: i16,
        /// The newest.
        max: i16,
    },
    /// The body does not have the shape of the request.
    #[error("malformed {api} request of version {version}: {reason}")]
    Malformed {
        /// Name of the API.
        api: &'static str,
        /// Its version.
        version: i16,
        /// What does not fit.
        reason: DecodeError,
    },
}

/// Memory that a request may take beside its frame and as much again, in bytes, before whoever sent
/// it has proven who it is. The rest of 64 KiB is for what is kept of the connection.
const UNPROVEN_BYTES_MAX: usize = 32 << 10;

fn find(api_key: i16) -> Option<&'static Api> {
    let at = schemas::APIS
        .binary_search_by_key(&api_key, |api| api.key)
        .ok()?;
    schemas::APIS.get(at)
}

/// Walks the body of a request (what follows the header) and checks every length and count against
/// the bytes that are there, and the memory that a decoder would take against its cap. Bytes after the body are let pass, as Kafka does.
///
/// # Errors
/// [`BoundsError`]. After [`BoundsError::Malformed`] the connection is closed.
pub fn check(api_key: i16, version: i16, body: &[u8]) -> Result<(), BoundsError> {
    let api = find(api_key).ok_or(BoundsError::UnknownApi { api_key })?;
    if !(api.from..=api.to).contains(&version) {
        return Err(BoundsError::UnsupportedVersion {
            api: api.name,
            version,
            min: api.from,
            max: api.to,
        });
    }
    let decoded_bytes_max = match api_key {
        // Asked before anyone has proven anything: its memory follows the bytes received.
        API_VERSIONS_KEY => body.len() + UNPROVEN_BYTES_MAX,
        _ => DECODED_BYTES_MAX,
    };
    walk::walk(api, version, body, decoded_bytes_max).map_err(|reason| BoundsError::Malformed {
        api: api.name,
        version,
        reason,
    })
}

/// The versions of a request in Kafka 4.4, `None` for an API that no broker serves to clients.
#[must_use]
pub fn versions(api_key: i16) -> Option<RangeInclusive<i16>> {
    find(api_key).map(|api| api.from..=api.to)
}

/// Kafka's name of an API, such as `ListOffsets`.
#[must_use]
pub fn name(api_key: i16) -> Option<&'static str> {
    find(api_key).map(|api| api.name)
}

/// Whether a version uses compact lengths and tags (KIP-482). `None` for an unknown API.
#[must_use]
pub fn is_flexible(api_key: i16, version: i16) -> Option<bool> {
    find(api_key).map(|api| version >= api.flexible_from)
}

#[cfg(test)]
mod tests;
