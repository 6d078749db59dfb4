//! The cluster's keys: drawn once, never changed, never logged.
//! They are kept with the volumes, because the brokers on those volumes know them.

use std::fmt::Write as _;

use k8s_openapi::api::core::v1::Secret;
use kring_resources::ValidatedCluster;
use kring_resources::secret::{Keys, secret};
use kube::api::{Api, PostParams};

use super::observe::Observed;
use crate::context::{Context, MANAGER};
use crate::error::Error;

/// Creates the Secret when there is none.
pub(super) async fn ensure(
    context: &Context,
    cluster: &ValidatedCluster,
    observed: &mut Observed,
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
    observed.secret = Some(api.create(&params, &secret(cluster, &keys)).await?);
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
