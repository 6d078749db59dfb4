//! A group as its record describes it, and a group made from that description.
//! It encodes no bytes; see `record`.

use std::collections::BTreeMap;

use bytes::Bytes;
use kring_io::{Instant, Now};

use super::{ClassicGroup, ClassicState, Member};
use crate::committed::{GroupMetadata, StoredMember};
use crate::request::Protocol;

impl ClassicGroup {
    /// The group's record. With `assignments` each member has the one under its id, or none.
    pub(crate) fn stored(&self, assignments: Option<&BTreeMap<String, Bytes>>) -> GroupMetadata {
        let protocol = self.protocol.as_deref();
        let members = self.members.values().map(|member| StoredMember {
            member_id: member.member_id.clone(),
            group_instance_id: member.group_instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            rebalance_timeout_ms: member.rebalance_timeout_ms,
            session_timeout_ms: member.session_timeout_ms,
            subscription: member.metadata(protocol),
            assignment: match assignments {
                Some(assignments) => assignments
                    .get(&member.member_id)
                    .cloned()
                    .unwrap_or_default(),
                None => member.assignment.clone(),
            },
        });
        GroupMetadata {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            state_timestamp_ms: self.state_timestamp_ms,
            members: members.collect(),
        }
    }

    /// The group as a new coordinator finds it: stable with the members and assignments of its
    /// last stored generation, whose sessions begin now, or empty.
    pub(crate) fn load(id: &str, stored: &GroupMetadata, now: Now) -> ClassicGroup {
        let mut group = ClassicGroup::new(id, stored.state_timestamp_ms);
        if stored.state_timestamp_ms < 0 {
            group.state_timestamp_ms = now.wall_ms;
        }
        group.generation = stored.generation;
        group.protocol_type = Some(stored.protocol_type.clone()).filter(|t| !t.is_empty());
        for member in &stored.members {
            let member = loaded_member(member, stored.protocol.as_deref(), now.mono);
            if let Some(instance) = &member.group_instance_id {
                group
                    .static_members
                    .insert(instance.clone(), member.member_id.clone());
            }
            group.members.insert(member.member_id.clone(), member);
        }
        if !group.members.is_empty() {
            group.state = ClassicState::Stable;
            group.protocol.clone_from(&stored.protocol);
            group.leader.clone_from(&stored.leader);
        }
        group.update_subscribed_topics();
        group
    }
}

fn loaded_member(stored: &StoredMember, protocol: Option<&str>, now: Instant) -> Member {
    let protocols = protocol.map(|name| Protocol {
        name: name.to_owned(),
        metadata: stored.subscription.clone(),
    });
    let mut member = Member {
        member_id: stored.member_id.clone(),
        group_instance_id: stored.group_instance_id.clone(),
        client_id: stored.client_id.clone(),
        client_host: stored.client_host.clone(),
        session_timeout_ms: stored.session_timeout_ms,
        rebalance_timeout_ms: stored.rebalance_timeout_ms,
        protocols: protocols.into_iter().collect(),
        assignment: stored.assignment.clone(),
        joining: None,
        syncing: None,
        is_new: false,
        session_deadline: now,
    };
    member.touch(now);
    member
}
