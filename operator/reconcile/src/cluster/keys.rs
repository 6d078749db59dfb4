//! The cluster's keys: drawn once, never changed, never logged.
//! They are kept with the volumes, because the brokers on those volumes know them.

use std::fmt::Write as _;

use k8s_openapi::api::core::v1::Secret;
use kring_crds::KafkaCluster;
use kring_resources::secret::{Keys, secret};
use kring_resources::{Refusals, ValidatedCluster, labels, names};
use kube::ResourceExt;
use kube::api::{Api, PostParams};

use super::observe::Observed;
use crate::context::{Context, MANAGER};
use crate::error::Error;
use crate::kubernetes::taken;

/// Refuses to go on without the keys that running brokers have: others would part the brokers that
/// start from now on from those that run.
pub(super) fn not_lost(cluster: &KafkaCluster, observed: &Observed) -> Result<(), Refusals> {
    let runs = !observed.sets.is_empty() || !observed.leaving.is_empty();
    if observed.secret.is_some() || !runs {
        return Ok(());
    }
    let name = cluster.name_any();
    let namespace = cluster.namespace().unwrap_or_default();
    let mut refusals = Refusals::default();
    refusals.push(
        "SecretLost",
        format!(
            "Secret {} is gone while brokers run with its keys; restore it from a backup, or, to have new keys drawn and all brokers started again on their volumes at once, run: kubectl delete statefulsets --namespace {namespace} --selector {}={name}",
            names::secret(&name),
            labels::CLUSTER,
        ),
    );
    Err(refusals)
}

/// Creates the Secret when there is none; says when the API server does not take it.
pub(super) async fn ensure(
    context: &Context,
    cluster: &ValidatedCluster,
    observed: &mut Observed,
    refused: &mut Vec<String>,
) -> Result<(), Error> {
    if observed.secret.is_some() {
        return Ok(());
    }
    let keys = Keys {
        peer_secret: draw()?,
        admin_token: draw()?,
    };
    let api = Api::<Secret>::namespaced(context.client.clone(), cluster.namespace());
    let params = PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    };
    // Created, not applied: were it there already, this must fail rather than replace the keys.
    let secret = secret(cluster, &keys);
    let made = api.create(&params, &secret).await.map_err(Error::from);
    observed.secret = taken(made, &secret, refused)?;
    Ok(())
}

/// 256 random bits in hexadecimal.
fn draw() -> Result<String, Error> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| Error::Random(error.to_string()))?;
    let mut text = String::with_capacity(64);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a String takes everything");
    }
    Ok(text)
}
