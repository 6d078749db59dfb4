//! The few ways in which the operator writes to Kubernetes.
//! What is written is decided elsewhere.

use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use kube::api::{Api, DeleteParams, Patch, PatchParams, Preconditions, PropagationPolicy};
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::context::{Context, MANAGER};
use crate::error::Error;

/// A version that no object has: the first write of a new store is its second revision.
const NO_VERSION: &str = "1";

/// Server-side apply: creates the object or makes our fields what they should be.
pub(crate) async fn apply<K>(context: &Context, object: &K) -> Result<K, Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned,
{
    patch(context, object, &PatchParams::apply(MANAGER).force()).await
}

/// The same, if the object still is as it was seen, or still absent when none was seen; otherwise the
/// API server answers with a conflict. So a process that was paused, or lost its lease, does not undo
/// what its successor has written.
pub(crate) async fn apply_to_seen<K>(
    context: &Context,
    object: &K,
    seen: Option<&K>,
) -> Result<K, Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned,
{
    apply(context, &about(object, seen)).await
}

/// An apply that names a uid does not create, and one that names a version creates, but changes only
/// that version.
fn about<K: Resource + Clone>(object: &K, seen: Option<&K>) -> K {
    let mut object = object.clone();
    let metadata = object.meta_mut();
    match seen {
        Some(seen) => {
            metadata.uid = seen.uid();
            metadata.resource_version = seen.resource_version();
        }
        None => metadata.resource_version = Some(NO_VERSION.to_owned()),
    }
    object
}

async fn patch<K>(context: &Context, object: &K, params: &PatchParams) -> Result<K, Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned,
{
    let namespace = object.namespace().unwrap_or_default();
    let api = Api::<K>::namespaced(context.client.clone(), &namespace);
    Ok(api
        .patch(&object.name_any(), params, &Patch::Apply(object))
        .await?)
}

/// Sorts out what the API server refuses for a reason that a person must know: a right, a quota, a
/// rule. That is written down and ends nothing; every other failure does.
pub(crate) fn taken<K: Resource<DynamicType = ()>>(
    made: Result<K, Error>,
    object: &K,
    refused: &mut Vec<String>,
) -> Result<Option<K>, Error> {
    match made {
        Ok(made) => Ok(Some(made)),
        Err(Error::Kubernetes(kube::Error::Api(status)))
            if matches!(status.code, 400 | 403 | 422) =>
        {
            refused.push(format!(
                "{} {}: {} ({})",
                K::kind(&()),
                object.name_any(),
                status.message,
                status.code
            ));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Asks what [`apply_to_seen`] would say, and changes nothing.
pub(crate) async fn try_apply_to_seen<K>(
    context: &Context,
    object: &K,
    seen: Option<&K>,
) -> Result<K, Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned,
{
    let params = PatchParams::apply(MANAGER).force().dry_run();
    patch(context, &about(object, seen), &params).await
}

/// Annotates an object, or takes the annotation away, if the object still is as it was seen.
pub(crate) async fn annotate_seen<K>(
    context: &Context,
    seen: &K,
    annotation: &str,
    value: Option<&str>,
) -> Result<K, Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned,
{
    let namespace = seen.namespace().unwrap_or_default();
    let api = Api::<K>::namespaced(context.client.clone(), &namespace);
    let change = json!({"metadata": {
        "resourceVersion": seen.resource_version(),
        "annotations": {annotation: value},
    }});
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    Ok(api
        .patch(&seen.name_any(), &params, &Patch::Merge(&change))
        .await?)
}

/// Deletes an object in the background, if it still is as it was seen; one that is gone already is
/// deleted, and another or a changed one of that name is a conflict.
pub(crate) async fn delete_seen<K, S>(context: &Context, seen: &S) -> Result<(), Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned,
    S: ResourceExt,
{
    let namespace = seen.namespace().unwrap_or_default();
    let preconditions = Preconditions {
        uid: seen.uid(),
        resource_version: seen.resource_version(),
    };
    delete::<K>(context, &namespace, &seen.name_any(), Some(preconditions)).await
}

/// Deletes whatever has this name, for objects that the next round makes again if they are wanted.
pub(crate) async fn delete_named<K>(
    context: &Context,
    namespace: &str,
    name: &str,
) -> Result<(), Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned,
{
    delete::<K>(context, namespace, name, None).await
}

async fn delete<K>(
    context: &Context,
    namespace: &str,
    name: &str,
    preconditions: Option<Preconditions>,
) -> Result<(), Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned,
{
    let api = Api::<K>::namespaced(context.client.clone(), namespace);
    let params = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Background),
        preconditions,
        ..DeleteParams::default()
    };
    match api.delete(name, &params).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(error.into()),
    }
}
