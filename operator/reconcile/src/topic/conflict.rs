//! Which of several Topics stands for one name in Kafka.
//! The oldest does; the others say so in their status and change nothing.

use kring_crds::Topic;
use kube::{Resource, ResourceExt};

use super::kafka_name;

/// The Topic that stands for the name instead of this one, if there is one.
pub(super) fn older_rival<'a>(
    topic: &Topic,
    all: impl Iterator<Item = &'a Topic>,
) -> Option<String> {
    let age = |topic: &Topic| {
        let created = topic.meta().creation_timestamp.as_ref().map(|time| time.0);
        (created, topic.name_any())
    };
    let name = kafka_name(topic);
    all.filter(|other| {
        other.metadata.name != topic.metadata.name
            && other.metadata.namespace == topic.metadata.namespace
            && other.meta().deletion_timestamp.is_none()
            && other.spec.cluster_ref == topic.spec.cluster_ref
            && kafka_name(other) == name
    })
    .filter(|other| age(other) < age(topic))
    .min_by_key(|other| age(other))
    .map(ResourceExt::name_any)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str, kafka: &str, second: u32) -> Topic {
        serde_json::from_value(serde_json::json!({
            "apiVersion": "kring.io/v1alpha1", "kind": "Topic",
            "metadata": {"name": name, "namespace": "d", "creationTimestamp": format!("2026-01-01T00:00:{second:02}Z")},
            "spec": {"clusterRef": {"name": "demo"}, "topicName": kafka},
        }))
        .unwrap()
    }

    #[test]
    fn of_two_topics_for_one_name_the_oldest_wins() {
        let (old, new, other) = (topic("b", "t", 1), topic("a", "t", 2), topic("c", "u", 0));
        let all = [old.clone(), new.clone(), other.clone()];
        assert_eq!(older_rival(&new, all.iter()), Some("b".to_owned()));
        assert_eq!(older_rival(&old, all.iter()), None);
        assert_eq!(older_rival(&other, all.iter()), None);
        let mut elsewhere = new;
        elsewhere.metadata.namespace = Some("e".to_owned());
        assert_eq!(older_rival(&elsewhere, all.iter()), None);
    }

    #[test]
    fn of_two_topics_made_in_one_second_exactly_one_wins() {
        let (a, b) = (topic("a", "t", 1), topic("b", "t", 1));
        let all = [b.clone(), a.clone()];
        assert_eq!(older_rival(&b, all.iter()), Some("a".to_owned()));
        assert_eq!(older_rival(&a, all.iter()), None);
    }
}
