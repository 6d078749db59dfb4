//! UpdateFeatures (57), versions 0–2: changes the level of a feature of the cluster, of which nothing can be changed.
//!
//! * A feature's level comes with the version of the broker. The level that is in force is a success, with
//!   `validate_only` and without; every other one, and every other feature, is `INVALID_UPDATE_VERSION`.
//! * All or nothing, as in Kafka 4: the first error is that of the whole request, and then no feature has a row
//!   of its own. Version 2 has no rows at all (KIP-1022).

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
    let answer = match check(&request.feature_updates) {
        Ok(()) => {
            let rows = request.feature_updates.into_iter().map(|update| {
                UpdatableFeatureResult::default()
                    .with_feature(update.feature)
                    .with_error_message(None)
            });
            UpdateFeaturesResponse::default()
                .with_error_message(None)
                .with_results(rows.collect())
        }
        Err((error, message)) => UpdateFeaturesResponse::default()
            .with_error_code(error.code())
            .with_error_message(Some(text(message))),
    };
    call.caller.answer(&answer, out);
    Ok(())
}

fn check(updates: &[FeatureUpdateKey]) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    for update in updates {
        let name = update.feature.as_str();
        if !seen.insert(name) {
            let message = format!("{name} stands more than once in the request");
            return Err((ErrorCode::InvalidRequest, message));
        }
        verdict(update)?;
    }
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
