//! Where new replicas go: apart by rack, then to the brokers with the fewest of the topic, then of all.
//! It moves nothing that exists.

use kring_io::{BrokerId, Random};

use crate::image::{BrokerImage, ClusterImage, TopicImage};

/// Brokers that may get replicas, with what they have so far.
pub(super) struct Placement {
    brokers: Vec<Candidate>,
    /// Breaks ties, another way for each partition, so that equal brokers take turns.
    turn: usize,
}

struct Candidate {
    id: BrokerId,
    rack: Option<String>,
    /// Rather not: it is fenced, or about to stop.
    absent: bool,
    replicas: u64,
    preferred: u64,
    topic_replicas: u64,
    topic_preferred: u64,
}

impl Placement {
    pub(super) fn new(image: &ClusterImage, random: &mut Random) -> Placement {
        let usable = image.brokers.iter().filter(|(_, b)| !b.decommissioning);
        let brokers: Vec<Candidate> = usable.map(|(id, b)| Candidate::new(*id, b)).collect();
        let turn = random.below(brokers.len().max(1) as u64);
        let mut placement = Placement {
            brokers,
            turn: usize::try_from(turn).expect("below the number of brokers"),
        };
        for (_, partition) in image.partitions() {
            placement.count(&partition.target_replicas(), false);
        }
        placement
    }

    /// How many brokers may get replicas.
    pub(super) fn len(&self) -> usize {
        self.brokers.len()
    }

    /// Starts a topic: what follows is spread evenly within it.
    pub(super) fn begin(&mut self, topic: Option<&TopicImage>) {
        for broker in &mut self.brokers {
            broker.topic_replicas = 0;
            broker.topic_preferred = 0;
        }
        for partition in topic.iter().flat_map(|topic| &topic.partitions) {
            let replicas = partition.target_replicas();
            self.uncount(&replicas);
            self.count(&replicas, true);
        }
    }

    /// Replicas of one more partition, the preferred leader first. `replicas` must not exceed [`Placement::len`].
    pub(super) fn place(&mut self, replicas: usize) -> Vec<BrokerId> {
        let mut chosen = Vec::with_capacity(replicas);
        while chosen.len() < replicas {
            let next = self.best(&chosen);
            chosen.push(next.expect("there are at least as many brokers as replicas"));
        }
        self.count(&chosen, true);
        self.turn = self.turn.wrapping_add(1);
        chosen
    }

    /// The best broker for one more replica beside those of `beside`.
    pub(super) fn add(&mut self, beside: &[BrokerId]) -> Option<BrokerId> {
        let broker = self.best(beside)?;
        let position = self.brokers.iter().position(|b| b.id == broker)?;
        self.brokers[position].replicas += 1;
        self.brokers[position].topic_replicas += 1;
        Some(broker)
    }

    fn best(&self, chosen: &[BrokerId]) -> Option<BrokerId> {
        let racks: Vec<&String> = self
            .brokers
            .iter()
            .filter(|b| chosen.contains(&b.id))
            .filter_map(|b| b.rack.as_ref())
            .collect();
        let count = self.brokers.len();
        let free = self.brokers.iter().enumerate();
        let free = free.filter(|(_, b)| !chosen.contains(&b.id));
        let best = free.min_by_key(|(position, b)| {
            let same_rack = b.rack.as_ref().is_some_and(|rack| racks.contains(&rack));
            let leads = if chosen.is_empty() {
                (b.topic_preferred, b.preferred)
            } else {
                (0, 0)
            };
            let turn = (position + self.turn + chosen.len() * (self.turn / count)) % count;
            (
                b.absent,
                same_rack,
                leads,
                b.topic_replicas,
                b.replicas,
                turn,
            )
        });
        best.map(|(_, b)| b.id)
    }

    fn count(&mut self, replicas: &[BrokerId], of_topic: bool) {
        for broker in &mut self.brokers {
            let holds = u64::from(replicas.contains(&broker.id));
            let leads = u64::from(replicas.first() == Some(&broker.id));
            broker.replicas += holds;
            broker.preferred += leads;
            broker.topic_replicas += holds * u64::from(of_topic);
            broker.topic_preferred += leads * u64::from(of_topic);
        }
    }

    fn uncount(&mut self, replicas: &[BrokerId]) {
        for broker in &mut self.brokers {
            let holds = u64::from(replicas.contains(&broker.id));
            let leads = u64::from(replicas.first() == Some(&broker.id));
            broker.replicas = broker.replicas.saturating_sub(holds);
            broker.preferred = broker.preferred.saturating_sub(leads);
        }
    }
}

impl Candidate {
    fn new(id: BrokerId, broker: &BrokerImage) -> Candidate {
        Candidate {
            id,
            rack: broker.rack.clone(),
            absent: !broker.may_lead(),
            replicas: 0,
            preferred: 0,
            topic_replicas: 0,
            topic_preferred: 0,
        }
    }
}
