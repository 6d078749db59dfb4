//! How far each member of the quorum is, as its leader sees it.
//! It changes nothing.

use kring_io::{BrokerId, Instant, Now};
use serde::{Deserialize, Serialize};

use super::{Epoch, Index, Quorum, Role};

/// The quorum as its leader sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuorumStatus {
    /// The leader.
    pub leader: BrokerId,
    /// Its epoch.
    pub epoch: Epoch,
    /// Everything before this is committed.
    pub high_watermark: Index,
    /// Those with a vote, in the order of their ids.
    pub voters: Vec<MemberStatus>,
    /// Those without, in the order of their ids.
    pub observers: Vec<MemberStatus>,
}

/// How far one member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberStatus {
    /// Which.
    pub id: BrokerId,
    /// The index behind the last entry that is known to be durable there; none when it has told nothing to this
    /// leader.
    pub end: Option<Index>,
    /// When it was last heard, in milliseconds since the Unix epoch; none when never by this leader.
    pub heard_ms: Option<i64>,
    /// When it last had all of the leader's log; none when never under this leader.
    pub caught_up_ms: Option<i64>,
}

impl Quorum {
    /// How far everybody is; none where this member does not lead.
    #[must_use]
    pub fn status(&self, now: Now) -> Option<QuorumStatus> {
        let Role::Leader(leading) = &self.role else {
            return None;
        };
        let own = MemberStatus {
            id: self.config.id,
            end: Some(self.log.end().index + 1),
            heard_ms: Some(now.wall_ms),
            caught_up_ms: Some(now.wall_ms),
        };
        let others = leading.followers().map(|(id, progress)| MemberStatus {
            id: *id,
            end: progress.answered.then_some(progress.matched + 1),
            heard_ms: progress.answered.then(|| wall_ms(now, progress.heard_at)),
            caught_up_ms: progress.caught_up_at.map(|at| wall_ms(now, at)),
        });
        let mut members: Vec<MemberStatus> = others.chain([own]).collect();
        members.sort_unstable_by_key(|member| member.id);
        let (voters, observers) = members
            .into_iter()
            .partition(|member| self.is_voter(member.id));
        Some(QuorumStatus {
            leader: self.config.id,
            epoch: self.ballot.epoch,
            high_watermark: self.commit + 1,
            voters,
            observers,
        })
    }
}

fn wall_ms(now: Now, at: Instant) -> i64 {
    let ago_ms = now.mono.since(at).as_millis();
    now.wall_ms - i64::try_from(ago_ms).unwrap_or(i64::MAX)
}
