//! The few ways in which the operator writes to Kubernetes.
//! What is written is decided elsewhere.

use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use kube::api::{Api, DeleteParams, Patch, PatchParams, Preconditions, PropagationPolicy};
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::{Context, MANAGER};
use crate::error::Error;

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

/// Asks what an apply would say, and changes nothing.
pub(crate) async fn try_apply<K>(context: &Context, object: &K) -> Result<K, Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned,
{
    patch(
        context,
        object,
        &PatchParams::apply(MANAGER).force().dry_run(),
    )
    .await
}

/// Deletes an object in the background; one that is gone already is deleted. With a uid, only that
/// very object is deleted.
pub(crate) async fn delete<K>(
    context: &Context,
    namespace: &str,
    name: &str,
    uid: Option<String>,
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
        preconditions: uid.map(|uid| Preconditions {
            uid: Some(uid),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    match api.delete(name, &params).await {
        Ok(_) => Ok(()),
        // Gone, or another object of the same name.
        Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => Ok(()),
        Err(error) => Err(error.into()),
    }
}
