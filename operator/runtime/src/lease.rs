//! The leader lease: of several operators one works. kube-lease-manager does the election.
//! A lost lease ends the process; what it wrote last is guarded by resource versions anyway.

use kube::Client;
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder};
use tokio::sync::watch::Receiver;
use tokio::task::JoinHandle;

use crate::args::Args;
use crate::error::Error;

/// How long a lease holds without renewal, in seconds: how long a killed operator is missed. Brokers
/// in maintenance wait for the successor, and clients of what they hold with them.
const LEASE_DURATION_S: u64 = 6;
/// How long before its end the lease is renewed, in seconds.
const LEASE_GRACE_S: u64 = 2;

/// A lease that is being sought or held.
pub(crate) struct Lease {
    is_held: Receiver<bool>,
    task: JoinHandle<Result<LeaseManager, kube_lease_manager::LeaseManagerError>>,
}

impl Lease {
    /// Begins to seek the lease.
    pub(crate) async fn seek(client: Client, args: &Args) -> Result<Self, Error> {
        let manager = LeaseManagerBuilder::new(client, &args.lease_name)
            .with_namespace(&args.namespace)
            .with_identity(&args.instance)
            .with_duration(LEASE_DURATION_S)
            .with_grace(LEASE_GRACE_S)
            .build()
            .await?;
        let (is_held, task) = manager.watch().await;
        Ok(Self { is_held, task })
    }

    /// Returns when the lease is held.
    pub(crate) async fn held(&mut self) -> Result<(), Error> {
        self.is_held
            .wait_for(|held| *held)
            .await
            .map(|_| ())
            .map_err(|_| Error::LeaseLost)
    }

    /// Returns when the lease is lost.
    pub(crate) async fn lost(&mut self) -> Error {
        let _ = self.is_held.wait_for(|held| !*held).await;
        Error::LeaseLost
    }

    /// Gives the lease back, so that the next operator starts at once.
    pub(crate) async fn release(self) {
        drop(self.is_held);
        match self.task.await {
            Ok(Ok(_)) => tracing::info!("the leader lease is given back"),
            Ok(Err(error)) => tracing::warn!(%error, "the leader lease could not be given back"),
            Err(error) => tracing::warn!(%error, "the lease's task ended badly"),
        }
    }
}
