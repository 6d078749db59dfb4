//! Whether the cluster can do without one broker, in this very round (ROLL-2).
//! It is asked before the drain, before the stop is decided and before the pod is deleted.

use kring_crds::kafka_cluster::SingleReplica;

use crate::snapshot::{Broker, Snapshot};
use crate::waiting::{SINGLE_REPLICA, Waiting, partitions};

/// Says what forbids to stop a broker.
pub(crate) fn may_stop(snapshot: &Snapshot, broker: &Broker) -> Result<(), Waiting> {
    if snapshot.serves_nothing(broker) {
        return Ok(());
    }
    let Some(cluster) = &snapshot.cluster else {
        return Err(Waiting::new("NoController", "no active controller answers"));
    };
    others_serve(snapshot, broker.id)?;
    let Some(check) = &snapshot.answers.restart_check else {
        return Err(Waiting::new(
            "AskingController",
            "waiting for the answer to the restart check",
        ));
    };
    // A cluster of one broker, or a quorum of one voter, cannot restart without a pause.
    let alone = snapshot.brokers.len() == 1;
    if check.quorum_lost && cluster.voters.len() > 1 {
        return Err(Waiting::new(
            "QuorumAtRisk",
            "the metadata quorum would lose its majority",
        ));
    }
    if alone {
        return Ok(());
    }
    if check.unavailable.partitions > 0 {
        let what = partitions(&check.unavailable);
        return Err(Waiting::new(
            "WouldGoOffline",
            format!("{what} would have no leader"),
        ));
    }
    if check.below_min_isr.partitions > 0 {
        let what = partitions(&check.below_min_isr);
        return Err(Waiting::new(
            "WaitingForISR",
            format!("{what} would fall below min.insync.replicas"),
        ));
    }
    if check.single_replica.partitions > 0 && snapshot.policy.single_replica == SingleReplica::Block
    {
        let what = partitions(&check.single_replica);
        return Err(Waiting::new(
            SINGLE_REPLICA,
            format!(
                "{what} have a single replica and would be offline; raise their replication factor, or set spec.rollout.singleReplica: Ignore"
            ),
        ));
    }
    Ok(())
}

/// Every other broker is ready, unfenced, out of maintenance and in every ISR it belongs to.
fn others_serve(snapshot: &Snapshot, id: i32) -> Result<(), Waiting> {
    for other in snapshot.brokers.iter().filter(|other| other.id != id) {
        let other_id = other.id;
        if !other.is_ready() {
            return Err(Waiting::new(
                "WaitingForBroker",
                format!("broker {other_id} is not ready"),
            ));
        }
        let Some(status) = snapshot.status(other_id) else {
            return Err(Waiting::new(
                "WaitingForBroker",
                format!("broker {other_id} is not registered"),
            ));
        };
        if status.fenced {
            return Err(Waiting::new(
                "WaitingForBroker",
                format!("broker {other_id} is fenced"),
            ));
        }
        if status.maintenance {
            return Err(Waiting::new(
                "WaitingForBroker",
                format!("broker {other_id} is in maintenance"),
            ));
        }
        let missing = status.replicas.saturating_sub(status.in_sync_replicas);
        if missing > 0 {
            return Err(Waiting::new(
                "WaitingForISR",
                format!(
                    "broker {other_id} is not in sync in {missing} of {} partitions",
                    status.replicas
                ),
            ));
        }
    }
    Ok(())
}

/// Whether what the broker still leads may be stopped with it: nothing, or single replicas that the
/// user (or a cluster of one broker) gives up for the restart.
pub(crate) fn is_drained(snapshot: &Snapshot) -> bool {
    let Some(maintenance) = &snapshot.answers.maintenance else {
        return false;
    };
    if !maintenance.on {
        return false;
    }
    if maintenance.leaders == 0 && maintenance.coordinators == 0 {
        return true;
    }
    let single = match &snapshot.answers.restart_check {
        Some(check) if snapshot.policy.single_replica == SingleReplica::Ignore => {
            check.single_replica.partitions
        }
        _ => 0,
    };
    let given_up = if snapshot.brokers.len() == 1 {
        u64::MAX
    } else {
        single
    };
    maintenance.stuck_leaders.partitions <= given_up
        && maintenance.leaders <= maintenance.stuck_leaders.partitions
        && maintenance.coordinators <= maintenance.stuck_leaders.partitions
}
