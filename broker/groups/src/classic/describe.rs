//! DescribeGroups and ListGroups: the group as administrators see it.
//! It changes nothing.

use bytes::Bytes;
use kring_wire::ErrorCode;

use super::{ClassicGroup, ClassicState};
use crate::response::{DescribedGroup, DescribedMember, ListedGroup};

impl ClassicGroup {
    /// The group with its members. Subscriptions and assignments are those of a stable
    /// generation, and empty while there is none, as in Kafka.
    pub(crate) fn describe(&self) -> DescribedGroup {
        let stable = self.state == ClassicState::Stable;
        let protocol = self.protocol.as_deref().filter(|_| stable);
        let members = self.members.values().map(|member| DescribedMember {
            member_id: member.member_id.clone(),
            group_instance_id: member.group_instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            metadata: member.metadata(protocol),
            assignment: if stable {
                member.assignment.clone()
            } else {
                Bytes::new()
            },
        });
        DescribedGroup {
            error: ErrorCode::None,
            group_id: self.id.clone(),
            state: self.state.into(),
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            protocol: protocol.unwrap_or_default().to_owned(),
            members: members.collect(),
        }
    }

    /// The group in one line.
    pub(crate) fn list(&self) -> ListedGroup {
        ListedGroup {
            group_id: self.id.clone(),
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            state: self.state.into(),
            group_type: ListedGroup::CLASSIC,
        }
    }
}
