//! ApiVersions (18), versions 0–5: which APIs and versions this broker serves.
//!
//! * The answer's header is always version 0, so that a client can read it before it knows anything.
//! * A version above 5 is answered in version 0 with `UNSUPPORTED_VERSION` and the range of this API,
//!   from which the client chooses again.
//! * v3 names the client's software; it is kept with the session. A name outside
//!   `[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?` is answered with `INVALID_REQUEST` (KIP-511).
//! * v5 names the cluster and node that the client believes to speak with (KIP-1242): a mismatch is
//!   answered with `REBOOTSTRAP_REQUIRED`.
//! * Two features are finalised, which is a promise to clients: `transaction.version` 2 (KIP-890), so that each transaction has an
//!   epoch of its own and partitions become part of it with their first batch, and `group.version` 1 (KIP-848), so that groups
//!   may use the consumer protocol.

use kafka_protocol::messages::api_versions_response::{
    ApiVersion, FinalizedFeatureKey, SupportedFeatureKey,
};
use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use kring_io::Now;
use kring_wire::{Decoder, ErrorCode};

use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::dispatch::APIS;
use crate::event::Output;
use crate::text::text;

const KEY: i16 = 18;
/// Answers of versions 4 and 5 have the same bytes.
const ENCODED_VERSION_MAX: i16 = 4;
const SOFTWARE_NAME_BYTES_MAX: usize = 256;
/// Each feature by Kafka's name, with the level that is finalised and the only one that is supported.
pub(super) const FEATURES: [(&str, i16); 2] = [("group.version", 1), ("transaction.version", 2)];
/// Grows when what is finalised changes, which it does with a version of the broker only.
const FEATURES_EPOCH: i64 = 2;

struct Asked {
    software_name: String,
    software_version: String,
    cluster_id: Option<String>,
    node_id: i32,
}

pub(crate) fn handle(
    broker: &mut Broker,
    _now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let asked = read(&call)?;
    let error = verdict(broker, &asked, call.caller.version);
    if error == ErrorCode::None && call.caller.version >= 3 {
        broker.sessions.name_software(
            call.caller.request.conn,
            asked.software_name,
            asked.software_version,
        );
    }
    let mut answer = ApiVersionsResponse::default().with_error_code(error.code());
    if error == ErrorCode::None {
        answer.api_keys = APIS
            .iter()
            .map(|api| served(api.key, api.min, api.max))
            .collect();
        let supported = FEATURES.iter().map(|(name, level)| {
            SupportedFeatureKey::default()
                .with_name(text(*name))
                .with_min_version(*level)
                .with_max_version(*level)
        });
        answer.supported_features = supported.collect();
        answer.finalized_features_epoch = FEATURES_EPOCH;
        let finalized = FEATURES.iter().map(|(name, level)| {
            FinalizedFeatureKey::default()
                .with_name(text(*name))
                .with_min_version_level(*level)
                .with_max_version_level(*level)
        });
        answer.finalized_features = finalized.collect();
    }
    let version = call.caller.version.min(ENCODED_VERSION_MAX);
    call.caller.answer_as(&answer, version, out);
    Ok(())
}

/// Answers a version that is not served, in version 0, which every client reads.
pub(crate) fn refuse_version(caller: Caller, out: &mut Output) {
    let own = crate::dispatch::find(KEY).expect("ApiVersions is served");
    let answer = ApiVersionsResponse::default()
        .with_error_code(ErrorCode::UnsupportedVersion.code())
        .with_api_keys(vec![served(own.key, own.min, own.max)]);
    caller.answer_as(&answer, 0, out);
}

fn served(key: i16, min: i16, max: i16) -> ApiVersion {
    ApiVersion::default()
        .with_api_key(key)
        .with_min_version(min)
        .with_max_version(max)
}

fn read(call: &Call) -> Result<Asked, Unreadable> {
    if call.caller.version <= ENCODED_VERSION_MAX {
        let request: ApiVersionsRequest = call.decode()?;
        return Ok(Asked {
            software_name: request.client_software_name.to_string(),
            software_version: request.client_software_version.to_string(),
            cluster_id: None,
            node_id: -1,
        });
    }
    let mut body = Decoder::new(call.body.clone());
    let asked = Asked {
        software_name: body.string("client software name", true)?.to_string(),
        software_version: body.string("client software version", true)?.to_string(),
        cluster_id: body
            .nullable_string("cluster id", true)?
            .map(|id| id.to_string()),
        node_id: body.i32("node id")?,
    };
    body.skip_tags(true)?;
    Ok(asked)
}

fn verdict(broker: &Broker, asked: &Asked, version: i16) -> ErrorCode {
    if version >= 3 && !(is_name(&asked.software_name) && is_name(&asked.software_version)) {
        return ErrorCode::InvalidRequest;
    }
    let other_cluster = match (&asked.cluster_id, broker.cluster_id()) {
        (Some(asked), Some(own)) => *asked != own.to_string(),
        _ => false,
    };
    let other_node = asked.node_id >= 0 && asked.node_id != broker.id().0;
    if other_cluster || other_node {
        return ErrorCode::RebootstrapRequired;
    }
    ErrorCode::None
}

fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let inner = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
    match (bytes.first(), bytes.last()) {
        (Some(first), Some(last)) => {
            bytes.len() <= SOFTWARE_NAME_BYTES_MAX
                && first.is_ascii_alphanumeric()
                && last.is_ascii_alphanumeric()
                && bytes.iter().all(inner)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn software_names_follow_kip_511() {
        for name in ["librdkafka", "apache-kafka-java", "2.15.0", "a"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "-a", "a-", "a b", "a_b", "ü"] {
            assert!(!is_name(name), "{name}");
        }
    }
}
