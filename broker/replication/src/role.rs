//! A partition's state in the cluster image, as far as replication acts on it.
//! It is decided by the controller and only copied here.

use kring_io::BrokerId;
use kring_wire::ids::LeaderEpoch;

/// Who replicates, leads and is in sync.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionRole {
    /// All replicas, those being added or removed included.
    pub replicas: Vec<BrokerId>,
    /// The committed in-sync replicas.
    pub isr: Vec<BrokerId>,
    /// The leader, if there is one.
    pub leader: Option<BrokerId>,
    /// The leader's epoch.
    pub leader_epoch: LeaderEpoch,
    /// Version of this state; grows with every change.
    pub partition_epoch: i32,
    /// Epoch under which this broker is registered. Fetches and proposals carry it.
    pub own_broker_epoch: i64,
}
