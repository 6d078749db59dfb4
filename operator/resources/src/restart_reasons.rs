//! Why a broker is to be restarted: what differs between the template it was given and the desired.
//! It compares hashes, because the API server completes what it stores.

use k8s_openapi::api::apps::v1::StatefulSet;

use crate::labels;

/// What differs, in words; empty when nothing does.
#[must_use]
pub fn restart_reasons(have: &StatefulSet, want: &StatefulSet) -> Vec<String> {
    if annotation(have, labels::TEMPLATE_HASH) == annotation(want, labels::TEMPLATE_HASH) {
        return Vec::new();
    }
    let mut reasons = Vec::new();
    let (from, to) = (version(have), version(want));
    if from != to {
        reasons.push(format!(
            "version {} -> {}",
            from.unwrap_or("none"),
            to.unwrap_or("none")
        ));
    } else if image(have) != image(want) {
        reasons.push("image".to_owned());
    }
    for (key, reason) in [
        (labels::CONFIG_HASH, "config"),
        (labels::RESOURCES_HASH, "resources"),
        (labels::RESTART, "restart annotation"),
    ] {
        if annotation(have, key) != annotation(want, key) {
            reasons.push(reason.to_owned());
        }
    }
    if reasons.is_empty() {
        reasons.push("pod template".to_owned());
    }
    reasons
}

/// An annotation of the pod template.
#[must_use]
pub fn annotation<'a>(set: &'a StatefulSet, key: &str) -> Option<&'a str> {
    let metadata = set.spec.template.metadata.as_ref()?;
    metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

/// The version a StatefulSet's pods are labelled with.
#[must_use]
pub fn version(set: &StatefulSet) -> Option<&str> {
    let metadata = set.spec.template.metadata.as_ref()?;
    metadata
        .labels
        .as_ref()?
        .get(labels::VERSION)
        .map(String::as_str)
}

fn image(set: &StatefulSet) -> Option<&str> {
    set.spec
        .template
        .spec
        .as_ref()?
        .containers
        .first()?
        .image
        .as_deref()
}
