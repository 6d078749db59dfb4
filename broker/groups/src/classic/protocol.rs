//! Which assignor a group uses, and which topics its members are subscribed to.
//! It changes no state of the group but the subscribed topics.

use std::collections::BTreeSet;

use super::ClassicGroup;
use crate::classic::ClassicState;
use crate::request::Protocol;
use crate::subscription;

impl ClassicGroup {
    /// Whether a member with these protocols may join: the type is the group's and one protocol
    /// is known to every member.
    pub(super) fn supports(&self, protocol_type: &str, protocols: &[Protocol]) -> bool {
        if self.state == ClassicState::Empty {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols.iter().any(|p| self.all_support(&p.name))
    }

    fn all_support(&self, protocol: &str) -> bool {
        self.members
            .values()
            .all(|member| member.supports(protocol))
    }

    /// The protocol of the next generation: of those that all members support, the one that most
    /// of them prefer; between equals the one the leader prefers. `None` without members.
    pub(super) fn select_protocol(&self) -> Option<String> {
        let leader = self.leader.as_ref().and_then(|id| self.members.get(id));
        let judge = leader.or_else(|| self.members.values().next())?;
        let candidates: Vec<&str> = judge
            .protocols
            .iter()
            .map(|p| p.name.as_str())
            .filter(|name| self.all_support(name))
            .collect();
        let mut votes = vec![0usize; candidates.len()];
        for member in self.members.values() {
            let preferred = member
                .protocols
                .iter()
                .find_map(|p| candidates.iter().position(|c| *c == p.name));
            if let Some(candidate) = preferred {
                votes[candidate] += 1;
            }
        }
        // The leader's first choice wins a tie: `max_by_key` keeps the last of equals.
        let (winner, _) = votes
            .iter()
            .enumerate()
            .rev()
            .max_by_key(|(_, votes)| **votes)?;
        Some(candidates[winner].to_owned())
    }

    /// Computes the subscribed topics of the present members and protocol.
    pub(super) fn update_subscribed_topics(&mut self) {
        self.subscribed_topics = if !self.is_consumer_group() {
            None
        } else if self.members.is_empty() {
            Some(BTreeSet::new())
        } else {
            let protocol = self.protocol.as_deref();
            let mut all = BTreeSet::new();
            let readable = self.members.values().all(|member| {
                match subscription::topics(&member.metadata(protocol)) {
                    Ok(topics) => {
                        all.extend(topics);
                        true
                    }
                    Err(_) => false,
                }
            });
            readable.then_some(all)
        };
    }
}
