//! The rollout as a pure state machine: one transition per call.
//! It performs no call and reads no clock.
//!
//! ```text
//! PreCheck -> Drain -> Stop -> Start -> Identity -> CatchUp -> ReturnLeaders -> Soak -> next broker
//!     \_______________/                     (a broker that serves nothing needs no drain)
//! ```
//!
//! The caller keeps the machine's whole memory, [`RolloutStatus`], in the cluster's status. Each
//! round it puts the questions of [`asks`], observes, calls [`step`], writes the new status and only
//! then performs the actions. Actions follow from the status that was written in an *earlier* round,
//! so an operator that dies between any two of these goes on where it was.
//!
//! * ROLL-1: at most one broker holds the grant; only that broker's pod is deleted while it serves.
//! * ROLL-2: a pod that serves is deleted only when its broker leads nothing and coordinates nothing,
//!   and every other broker serves and is in sync, as answered in the same round.
//! * ROLL-3: waiting is a state with a reason; no wait is ever cut short by doing the unsafe thing.

#![forbid(unsafe_code)]

mod ask;
mod machine;
mod order;
mod phases;
mod progress;
mod repair;
mod safety;
mod snapshot;
mod waiting;

pub use ask::{Ask, MAINTENANCE_TTL_S, asks};
pub use kring_crds::kafka_cluster::{Grant, Phase, RolloutStatus};
pub use machine::{Action, Note, Step, is_running, step};
pub use snapshot::{Answers, Broker, Pod, Policy, Snapshot};
pub use waiting::{Waiting, needs_a_person};

#[cfg(test)]
mod tests;
