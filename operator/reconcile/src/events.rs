//! Events on our objects, for `kubectl describe` and `kubectl get events`.
//! A lost Event is logged and harms nothing; no decision depends on one.

use kube::runtime::events::{Event, EventType};
use kube::{Resource, ResourceExt};

use crate::context::Context;

/// Longest note Kubernetes takes, in bytes.
const NOTE_BYTES_MAX: usize = 1024;

/// Tells people what happened to an object.
pub(crate) async fn publish<K: Resource<DynamicType = ()>>(
    context: &Context,
    object: &K,
    reason: &str,
    note: &str,
    warning: bool,
) {
    let name = object.name_any();
    tracing::info!(kind = %K::kind(&()), %name, reason, "{note}");
    let mut end = note.len().min(NOTE_BYTES_MAX);
    while !note.is_char_boundary(end) {
        end -= 1;
    }
    let event = Event {
        type_: if warning {
            EventType::Warning
        } else {
            EventType::Normal
        },
        reason: reason.to_owned(),
        note: Some(note[..end].to_owned()),
        action: "Reconcile".to_owned(),
        secondary: None,
    };
    if let Err(error) = context
        .recorder
        .publish(&event, &object.object_ref(&()))
        .await
    {
        tracing::warn!(%name, reason, %error, "an Event could not be written");
    }
}
