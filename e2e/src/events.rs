//! The Events that the operator wrote about a Kafka cluster.
//! Their order is the order of their times; nothing is concluded from their absence here.

use k8s_openapi::api::core::v1::Event;
use serde::Deserialize;

use crate::Namespace;
use crate::command::CommandError;

/// kubectl calls every list `List`, whatever is in it.
#[derive(Deserialize)]
struct Events {
    items: Vec<Event>,
}

/// Reason and message of each Event about the object, oldest first.
///
/// # Errors
/// When the API server does not answer.
pub fn about(namespace: &Namespace, object: &str) -> Result<Vec<(String, String)>, CommandError> {
    let selector = format!("--field-selector=involvedObject.name={object}");
    let list: Events = namespace.cluster().get(&[
        "--namespace",
        namespace.name(),
        "events",
        "--sort-by=.metadata.creationTimestamp",
        &selector,
    ])?;
    Ok(list
        .items
        .into_iter()
        .map(|event| {
            (
                event.reason.unwrap_or_default(),
                event.message.unwrap_or_default(),
            )
        })
        .collect())
}
