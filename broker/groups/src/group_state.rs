//! The states of a group of either protocol and Kafka's names for them.
//! Transitions are for the groups: in `classic`; those of a KIP-848 group follow from its members.

use std::fmt;

/// State of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupState {
    /// No members; offsets may remain.
    Empty,
    /// Members are asked to join the next generation.
    PreparingRebalance,
    /// The members of the generation are known, the leader's assignment is awaited.
    CompletingRebalance,
    /// Every member can have its assignment.
    Stable,
    /// Unknown or deleted.
    Dead,
    /// KIP-848: a new target assignment is due.
    Assigning,
    /// KIP-848: members are on their way to the target assignment.
    Reconciling,
}

impl GroupState {
    /// Every state, in the order of their values.
    pub const ALL: [GroupState; 7] = [
        GroupState::Empty,
        GroupState::PreparingRebalance,
        GroupState::CompletingRebalance,
        GroupState::Stable,
        GroupState::Dead,
        GroupState::Assigning,
        GroupState::Reconciling,
    ];

    /// Kafka's name, as DescribeGroups and ListGroups write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            GroupState::Empty => "Empty",
            GroupState::PreparingRebalance => "PreparingRebalance",
            GroupState::CompletingRebalance => "CompletingRebalance",
            GroupState::Stable => "Stable",
            GroupState::Dead => "Dead",
            GroupState::Assigning => "Assigning",
            GroupState::Reconciling => "Reconciling",
        }
    }
}

impl fmt::Display for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
