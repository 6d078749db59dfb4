//! From the cluster image to this broker's partitions: logs are made, configured and removed, and
//! roles are taken. It decides no role: the controller did.

use kring_controller::{PartitionImage, TopicImage};
use kring_io::Now;
use kring_wire::{TopicId, TopicPartition};

use crate::api::delete_records;
use crate::broker::Broker;
use crate::event::Output;
use crate::route::coordinators::Kind;
use crate::topic_config;
use crate::{fetch, produce, transactions};

impl Broker {
    /// Brings everything of this broker in line with the image.
    pub(crate) fn sync_all(&mut self, now: Now, out: &mut Output) {
        if !self.opened {
            return;
        }
        let topics: Vec<TopicId> = self.image().topics.keys().copied().collect();
        for topic in topics {
            self.sync_topic(now, topic, out);
        }
    }

    /// Brings a topic's partitions in line with the image.
    pub(crate) fn sync_topic(&mut self, now: Now, topic: TopicId, out: &mut Output) {
        let Some(image) = self.image().topics.get(&topic) else {
            return;
        };
        let partitions: Vec<TopicPartition> = image.partitions().map(|(tp, _)| tp).collect();
        for tp in partitions {
            self.sync_partition(now, tp, out);
        }
    }

    /// Brings one partition in line with the image.
    pub(crate) fn sync_partition(&mut self, now: Now, tp: TopicPartition, out: &mut Output) {
        if !self.opened {
            return;
        }
        let id = self.id();
        let (Some(topic), Some(partition)) = (
            self.image().topics.get(&tp.topic),
            self.image().partition(tp),
        ) else {
            return;
        };
        if !partition.replicas.contains(&id) {
            if self.log.contains(tp) {
                self.drop_partition(now, tp, out);
            }
            return;
        }
        let partition = partition.clone();
        let name = topic.name.clone();
        self.open_log(tp, &name);
        let leads = partition.leader == Some(id);
        let led = self.led_epoch(tp).is_some();
        self.role_of_damaged(now, tp, &partition);
        self.take_role(now, tp, &partition, out);
        // A leader that goes on in another epoch has the same log, so whoever waits may go on, too. To refuse would make
        // a client divide its records into other batches, and nothing tells those from a gap.
        if led && !leads {
            self.leadership_ended(now, tp, out);
        }
        if let Some(kind) = Kind::of_topic(&name) {
            self.sync_coordinator(now, kind, tp, leads.then_some(partition.leader_epoch), out);
        }
        // A follower that left the ISR is not waited for.
        delete_records::answer_ready(self, out);
        // Waiting fetches see a new leader at once instead of at their deadline.
        fetch::wake(self, tp);
    }

    fn open_log(&mut self, tp: TopicPartition, name: &str) {
        let image = self.image();
        let topic: &TopicImage = &image.topics[&tp.topic];
        let config = topic_config::log_config(
            self.id(),
            image,
            topic,
            &self.cluster_defaults,
            self.config.producer_id_expiration_ms,
        );
        if self.log.contains(tp) {
            self.log.configure(tp, config);
        } else {
            self.log.create(tp, name, config);
        }
    }

    /// Forgets the partitions of a deleted topic.
    pub(crate) fn drop_topic(
        &mut self,
        now: Now,
        topic: TopicId,
        partitions: i32,
        out: &mut Output,
    ) {
        if !self.opened {
            return;
        }
        self.counters.forget(topic);
        for partition in 0..partitions {
            let tp = TopicPartition::new(topic, partition);
            if self.log.contains(tp) {
                self.drop_partition(now, tp, out);
            }
        }
    }

    fn drop_partition(&mut self, now: Now, tp: TopicPartition, out: &mut Output) {
        self.leadership_ended(now, tp, out);
        self.drop_coordinator(tp);
        self.repairs.forget(tp);
        self.leave_role(tp);
        delete_records::answer_ready(self, out);
        self.log.delete(tp);
        fetch::wake(self, tp);
    }

    /// Whoever waits for this leader's promise must ask the next leader.
    fn leadership_ended(&mut self, now: Now, tp: TopicPartition, out: &mut Output) {
        produce::leadership_ended(self, now, tp, out);
        transactions::leadership_ended(self, now, tp, out);
    }

    /// Removes logs of topics that were deleted, or moved away, while this broker was down.
    pub(crate) fn remove_orphans(&mut self) {
        let id = self.id();
        let held: Vec<TopicPartition> = self.log.partitions().collect();
        for tp in held {
            let belongs = self
                .image()
                .partition(tp)
                .is_some_and(|partition: &PartitionImage| partition.replicas.contains(&id));
            if !belongs {
                tracing::info!(partition = %tp, "removed: no longer a replica here");
                self.log.delete(tp);
            }
        }
    }
}
