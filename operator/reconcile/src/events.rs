//! Events on our objects, for `kubectl describe` and `kubectl get events`.
//! A lost Event is logged and harms nothing; no decision depends on one.

use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Api, PostParams};
use kube::{Resource, ResourceExt};

use crate::context::{Context, MANAGER};
use crate::error::Error;

/// Longest note Kubernetes takes, in bytes.
const NOTE_BYTES_MAX: usize = 1024;

/// Tells people what happened to an object. Each call makes an Event of its own: a recorder that
/// gathers Events of one reason would keep only the first broker's numbers. Calls are few, because
/// only transitions are told.
pub(crate) async fn publish<K: Resource<DynamicType = ()>>(
    context: &Context,
    object: &K,
    reason: &str,
    note: &str,
    warning: bool,
) {
    let name = object.name_any();
    let namespace = object.namespace().unwrap_or_default();
    tracing::info!(kind = %K::kind(&()), %namespace, %name, reason, "{note}");
    let event = Event {
        metadata: ObjectMeta {
            generate_name: Some(format!("{name}-")),
            namespace: Some(namespace.clone()),
            ..ObjectMeta::default()
        },
        type_: Some(if warning { "Warning" } else { "Normal" }.to_owned()),
        reason: Some(reason.to_owned()),
        note: Some(shortened(note).to_owned()),
        action: Some("Reconcile".to_owned()),
        event_time: Some(MicroTime(context.now())),
        regarding: Some(object.object_ref(&())),
        reporting_controller: Some(format!("kring.io/{MANAGER}")),
        reporting_instance: Some(context.instance.clone()),
        ..Event::default()
    };
    let api = Api::<Event>::namespaced(context.client.clone(), &namespace);
    if let Err(error) = api.create(&PostParams::default(), &event).await {
        let error = Error::from(error);
        tracing::warn!(%name, reason, %error, "an Event could not be written");
    }
}

fn shortened(note: &str) -> &str {
    let mut end = note.len().min(NOTE_BYTES_MAX);
    while !note.is_char_boundary(end) {
        end -= 1;
    }
    &note[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_note_ends_at_a_whole_letter() {
        let note = "é".repeat(600);
        assert_eq!(shortened(&note).len(), 1024);
        let odd = format!("a{note}");
        assert_eq!(shortened(&odd).len(), 1023);
    }
}
