//! The states of a transaction and the versions of its protocol, under Kafka's numbers and names.
//! Which state may follow which is in `stored`.

/// Where the transaction of a transactional id stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum TransactionState {
    /// A producer has the id and has begun no transaction since.
    #[default]
    Empty = 0,
    /// Partitions were added, and the end is open.
    Ongoing = 1,
    /// It will be committed: markers are being written.
    PrepareCommit = 2,
    /// It will be aborted: markers are being written.
    PrepareAbort = 3,
    /// It is committed in every partition.
    CompleteCommit = 4,
    /// It is aborted in every partition.
    CompleteAbort = 5,
    /// The id is being forgotten. Never stored.
    Dead = 6,
    /// The producer's epoch is being raised to abort its transaction. Never stored.
    PrepareEpochFence = 7,
}

impl TransactionState {
    /// Every state, in the order of the numbers.
    pub const ALL: [TransactionState; 8] = [
        TransactionState::Empty,
        TransactionState::Ongoing,
        TransactionState::PrepareCommit,
        TransactionState::PrepareAbort,
        TransactionState::CompleteCommit,
        TransactionState::CompleteAbort,
        TransactionState::Dead,
        TransactionState::PrepareEpochFence,
    ];

    /// Kafka's name of it, which ListTransactions and DescribeTransactions show.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TransactionState::Empty => "Empty",
            TransactionState::Ongoing => "Ongoing",
            TransactionState::PrepareCommit => "PrepareCommit",
            TransactionState::PrepareAbort => "PrepareAbort",
            TransactionState::CompleteCommit => "CompleteCommit",
            TransactionState::CompleteAbort => "CompleteAbort",
            TransactionState::Dead => "Dead",
            TransactionState::PrepareEpochFence => "PrepareEpochFence",
        }
    }

    /// Kafka's number of it, which its records hold.
    #[must_use]
    pub fn id(self) -> i8 {
        self as i8
    }

    /// The state of a record; `None` of a number that no record has.
    pub(crate) fn of_record(id: i8) -> Option<TransactionState> {
        let index = usize::try_from(id).ok()?;
        TransactionState::ALL
            .get(index)
            .copied()
            .filter(|state| *state <= TransactionState::CompleteAbort)
    }

    /// Whether its markers are being written.
    pub(crate) fn is_prepared(self) -> bool {
        matches!(
            self,
            TransactionState::PrepareCommit | TransactionState::PrepareAbort
        )
    }

    /// How the transaction ends or ended: `true` for a commit. `None` while that is open.
    pub(crate) fn outcome(self) -> Option<bool> {
        match self {
            TransactionState::PrepareCommit | TransactionState::CompleteCommit => Some(true),
            TransactionState::PrepareAbort | TransactionState::CompleteAbort => Some(false),
            TransactionState::Empty
            | TransactionState::Ongoing
            | TransactionState::Dead
            | TransactionState::PrepareEpochFence => None,
        }
    }
}

/// How a client's transactions work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransactionVersion {
    /// KIP-98: the epoch is the producer's and stays the same from one transaction to the next.
    #[default]
    V1,
    /// KIP-890: each end of a transaction raises the epoch.
    V2,
}

impl TransactionVersion {
    /// The level of the feature `transaction.version` as a record holds it. 0 and 1 differ only in
    /// the format of records.
    pub(crate) fn level(self) -> i16 {
        match self {
            TransactionVersion::V1 => 0,
            TransactionVersion::V2 => 2,
        }
    }

    /// The version of a level; what is newer than KIP-890 raises the epoch as well.
    pub(crate) fn of_level(level: i16) -> TransactionVersion {
        if level >= 2 {
            TransactionVersion::V2
        } else {
            TransactionVersion::V1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TransactionState;

    #[test]
    fn the_numbers_are_kafkas_and_only_the_stored_ones_are_read() {
        for (number, state) in TransactionState::ALL.into_iter().enumerate() {
            assert_eq!(state.id(), number as i8);
            let read = TransactionState::of_record(state.id());
            assert_eq!(read, (number <= 5).then_some(state));
        }
        assert_eq!(TransactionState::of_record(-1), None);
        assert_eq!(TransactionState::of_record(8), None);
    }
}
