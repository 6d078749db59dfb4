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
        /// The rollout's id.
        epoch: i64,
    },
    /// End the maintenance of this broker.
    Resume {
        /// The broker.
        broker: i32,
        /// The rollout's id.
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

/// The questions of this round. Maintenance is renewed from the drain until the broker caught up.
#[must_use]
pub fn asks(status: &RolloutStatus) -> Vec<Ask> {
    let Some(grant) = &status.grant else {
        return Vec::new();
    };
    let broker = grant.broker;
    let check = Ask::RestartCheck { broker };
    let hand_over = Ask::HandOver {
        broker,
        epoch: status.id,
    };
    match grant.phase {
        Phase::PreCheck => vec![check],
        Phase::Drain | Phase::Stop => vec![hand_over, check],
        Phase::Start | Phase::Identity | Phase::CatchUp => vec![hand_over],
        Phase::ReturnLeaders => vec![
            Ask::Resume {
                broker,
                epoch: status.id,
            },
            Ask::ReturnLeaders {
                broker,
                batch: RETURN_LEADERS_BATCH,
            },
        ],
        Phase::Soak => Vec::new(),
    }
}
