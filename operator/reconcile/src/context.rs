//! What every reconcile is given: clients, options, the name of the process.
//! It holds no state of any cluster; that is in the API server.

use std::sync::Arc;

use kring_admin_client::Transport;
use kring_resources::Options;
use kube::Client;

use crate::gauges::Gauges;

/// Name under which the operator writes objects and Events.
pub(crate) const MANAGER: &str = "kring-operator";

/// What every reconcile is given.
#[derive(Clone)]
pub struct Context {
    pub(crate) client: Client,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) options: Options,
    pub(crate) instance: String,
    pub(crate) gauges: Arc<Gauges>,
}

impl Context {
    /// Puts together what a process was started with. `instance` is the operator's pod.
    #[must_use]
    pub fn new(
        client: Client,
        transport: Arc<dyn Transport>,
        options: Options,
        instance: String,
    ) -> Self {
        Self {
            client,
            instance,
            transport,
            options,
            gauges: Arc::new(Gauges::default()),
        }
    }

    /// What the reconciles last found, for metrics.
    #[must_use]
    pub fn gauges(&self) -> Arc<Gauges> {
        Arc::clone(&self.gauges)
    }
}
