//! The questions a round puts to the brokers, which follow from the persisted phase alone.
//! All of them may be repeated at will.

use kring_crds::kafka_cluster::{Phase, RolloutStatus};

/// Maintenance ends by itself after this many seconds, so that a broker is not left without leaders
/// when the operator is gone for long.
pub const MAINTENANCE_TTL_S: u64 = 120;
/// Leaders moved back in one call.
const RETURN_LEADERS_BATCH: u32 = 100;

/// A question to the brokers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// What would a restart of this broker harm?
    RestartCheck {
        /// The broker.
        broker: i32,
    },
    /// Hand over leaders and coordinators; how many are left?
    HandOver {
        /// The broker.
        broker: i32,
        /// Of the order, see [`epoch`].
        epoch: i64,
    },
    /// End the maintenance of this broker.
    Resume {
        /// The broker.
        broker: i32,
        /// Of the order, see [`epoch`].
        epoch: i64,
    },
    /// Give it back the leadership of what prefers it.
    ReturnLeaders {
        /// The broker.
        broker: i32,
        /// At most this many partitions.
        batch: u32,
    },
}

/// What a broker is told to do about its leaders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Hand them over.
    HandOver,
    /// Lead again.
    Resume,
}

/// The order that a phase repeats.
pub(crate) fn order(phase: Phase) -> Option<Order> {
    match phase {
        Phase::PreCheck | Phase::Soak => None,
        Phase::Drain | Phase::Stop | Phase::Start | Phase::Identity | Phase::CatchUp => {
            Some(Order::HandOver)
        }
        Phase::ReturnLeaders => Some(Order::Resume),
    }
}

/// The epoch of the orders that follow from this status. One that was written before there were
/// epochs gave its orders under the rollout's id.
#[must_use]
pub(crate) fn epoch(status: &RolloutStatus) -> i64 {
    status.maintenance_epoch.max(status.id)
}

/// The questions of this round. Maintenance is renewed from the drain until the broker caught up.
#[must_use]
pub fn asks(status: &RolloutStatus) -> Vec<Ask> {
    let Some(grant) = &status.grant else {
        return Vec::new();
    };
    let broker = grant.broker;
    let epoch = epoch(status);
    let mut asks = Vec::new();
    match order(grant.phase) {
        None => {}
        Some(Order::HandOver) => asks.push(Ask::HandOver { broker, epoch }),
        Some(Order::Resume) => asks.extend([
            Ask::Resume { broker, epoch },
            Ask::ReturnLeaders {
                broker,
                batch: RETURN_LEADERS_BATCH,
            },
        ]),
    }
    if matches!(grant.phase, Phase::PreCheck | Phase::Drain | Phase::Stop) {
        asks.push(Ask::RestartCheck { broker });
    }
    asks
}
