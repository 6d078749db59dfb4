//! The states of a classic group.
//! The transitions are in `rebalance` and `sync`.

use crate::GroupState;

/// State of a classic group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ClassicState {
    /// No members; offsets may remain.
    Empty,
    /// Members are asked to join the next generation.
    PreparingRebalance,
    /// The members of the generation are known, the leader's assignment is awaited.
    CompletingRebalance,
    /// Every member can have its assignment.
    Stable,
}

impl From<ClassicState> for GroupState {
    fn from(state: ClassicState) -> GroupState {
        match state {
            ClassicState::Empty => GroupState::Empty,
            ClassicState::PreparingRebalance => GroupState::PreparingRebalance,
            ClassicState::CompletingRebalance => GroupState::CompletingRebalance,
            ClassicState::Stable => GroupState::Stable,
        }
    }
}
