//! DeleteTopics, by name or id. Every topic succeeds or fails alone.
//! The files of the partitions are removed by the brokers when they see the change.

use std::collections::BTreeSet;

use kring_wire::TopicId;

use super::Draft;
use crate::error::ControllerError;
use crate::image::Record;
use crate::request::{Each, TopicRef};

impl Draft<'_> {
    pub(super) fn delete_topics(
        &mut self,
        topics: Vec<TopicRef>,
    ) -> Each<TopicRef, (TopicId, String)> {
        let mut seen = BTreeSet::new();
        let mut results = Vec::with_capacity(topics.len());
        for topic in topics {
            let found = self.find(&topic).and_then(|(id, name)| {
                if seen.insert(id) {
                    return Ok((id, name));
                }
                let reason = format!("topic {name:?} stands more than once in the request");
                Err(ControllerError::InvalidRequest { reason })
            });
            results.push((topic, found));
        }
        for (_, found) in &results {
            if let Ok((id, _)) = found {
                self.push(Record::RemoveTopic(*id));
                self.cut();
            }
        }
        results
    }

    fn find(&self, topic: &TopicRef) -> Result<(TopicId, String), ControllerError> {
        match topic {
            TopicRef::Name(name) => {
                let known = self.image.topic_by_name(name);
                let unknown = || ControllerError::UnknownTopic { name: name.clone() };
                known.map(|t| (t.id, t.name.clone())).ok_or_else(unknown)
            }
            TopicRef::Id(id) => {
                let known = self.image.topics.get(id);
                let unknown = || ControllerError::UnknownTopicId { id: *id };
                known.map(|t| (t.id, t.name.clone())).ok_or_else(unknown)
            }
        }
    }
}
