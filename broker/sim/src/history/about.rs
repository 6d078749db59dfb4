//! What an event is about, whichever it is.
//! The events themselves are in `event`.

use super::{Happened, Partition};

impl Happened {
    /// The partition that it is about; none where it is about something else.
    #[must_use]
    pub fn partition(&self) -> Option<Partition> {
        match self {
            Happened::Invoked { partition, .. }
            | Happened::Resent { partition, .. }
            | Happened::Acknowledged { partition, .. }
            | Happened::Refused { partition, .. }
            | Happened::Unsure { partition, .. }
            | Happened::Positioned { partition, .. }
            | Happened::Polled { partition, .. }
            | Happened::Fetched { partition, .. }
            | Happened::Damaged { partition, .. }
            | Happened::Listed { partition, .. }
            | Happened::TrimInvoked { partition, .. }
            | Happened::Trimmed { partition, .. }
            | Happened::Owned { partition, .. }
            | Happened::Revoked { partition, .. }
            | Happened::CommitInvoked { partition, .. }
            | Happened::Committed { partition, .. }
            | Happened::OffsetFetched { partition, .. }
            | Happened::LagRead { partition, .. }
            | Happened::Kept { partition, .. }
            | Happened::KeptBatch { partition, .. }
            | Happened::SentIn { partition, .. }
            | Happened::Moved { partition, .. }
            | Happened::OffsetSentIn { partition, .. }
            | Happened::StandsAt { partition, .. }
            | Happened::FetchedCommitted { partition, .. }
            | Happened::Seen { partition, .. }
            | Happened::KeptMarker { partition, .. }
            | Happened::Swept { partition, .. } => Some(*partition),
            Happened::Initialised { .. }
            | Happened::Retention { .. }
            | Happened::Joined { .. }
            | Happened::Synced { .. }
            | Happened::Changed { .. }
            | Happened::Read { .. }
            | Happened::Fenced { .. }
            | Happened::Begun { .. }
            | Happened::EndInvoked { .. }
            | Happened::Ended { .. }
            | Happened::Marked { .. } => None,
        }
    }

    /// How many operations of clients this is the end of.
    pub(super) fn operations(&self) -> usize {
        match self {
            Happened::Invoked { records, .. }
            | Happened::Acknowledged { records, .. }
            | Happened::Polled { records, .. }
            | Happened::Seen { records, .. }
            | Happened::Kept { records, .. } => records.count as usize,
            Happened::KeptBatch { .. }
            | Happened::KeptMarker { .. }
            | Happened::SentIn { .. }
            | Happened::Moved { .. }
            | Happened::Begun { .. }
            | Happened::Marked { .. }
            | Happened::Retention { .. } => 0,
            _ => 1,
        }
    }
}
