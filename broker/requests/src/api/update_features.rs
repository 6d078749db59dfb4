//! UpdateFeatures (57), versions 0–2: changes the level of a feature of the cluster, of which nothing can be changed.
//!
//! * A feature's level comes with the version of the broker. The level that is in force is a success, with
//!   `validate_only` and without; every other one, and every other feature, is `INVALID_UPDATE_VERSION`.
//! * Versions 0 and 1 answer for each feature; version 2 for all together, with the first error (KIP-1022).

use std::collections::BTreeSet;

use kafka_protocol::messages::update_features_request::FeatureUpdateKey;
use kafka_protocol::messages::update_features_response::UpdatableFeatureResult;
use kafka_protocol::messages::{UpdateFeaturesRequest, UpdateFeaturesResponse};
use kring_io::Now;
use kring_wire::ErrorCode;

use super::api_versions::FEATURES;
use crate::broker::Broker;
use crate::call::{Call, Unreadable};
use crate::event::Output;
use crate::text::text;

type Refusal = (ErrorCode, String);

pub(crate) fn handle(
    _broker: &mut Broker,
    _now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: UpdateFeaturesRequest = call.decode()?;
    let mut answer = UpdateFeaturesResponse::default().with_error_message(None);
    let mut seen = BTreeSet::new();
    for update in &request.feature_updates {
        let name = update.feature.as_str();
        let result = if seen.insert(name) {
            verdict(update)
        } else {
            let message = format!("{name} stands more than once in the request");
            Err((ErrorCode::InvalidRequest, message))
        };
        let mut row = UpdatableFeatureResult::default()
            .with_feature(update.feature.clone())
            .with_error_message(None);
        if let Err((error, message)) = result {
            row.error_code = error.code();
            row.error_message = Some(text(message));
        }
        answer.results.push(row);
    }
    if call.caller.version >= 2 {
        let first = answer.results.drain(..).find(|row| row.error_code != 0);
        if let Some(row) = first {
            answer.error_code = row.error_code;
            answer.error_message = row.error_message;
        }
    }
    call.caller.answer(&answer, out);
    Ok(())
}

fn verdict(update: &FeatureUpdateKey) -> Result<(), Refusal> {
    let (name, asked) = (update.feature.as_str(), update.max_version_level);
    let known = FEATURES.iter().find(|feature| feature.0 == name);
    let message = match known {
        Some((_, level)) if asked == *level => return Ok(()),
        Some((_, level)) => format!(
            "{name} cannot be at level {asked}: brokers of this version have level {level} only"
        ),
        None => format!("{name} is not a feature of this cluster"),
    };
    Err((ErrorCode::InvalidUpdateVersion, message))
}
