//! A simulated member of a classic consumer group: it joins, reads what it owns, commits, leaves or dies.
//! It positions itself only by what the group committed.

mod commit;
mod lifecycle;
mod requests;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::HeartbeatRequest;
use kafka_protocol::protocol::StrBytes;
use kring_io::{BrokerId, Instant, Random};
use kring_wire::ErrorCode;

use super::calls::{Call, Calls};
use super::metadata::Metadata;
use super::{Client, ClientEvent, ClientOutput, codec, consumer};
use crate::history::Outcome;
use crate::topics::Topic;
use lifecycle::Told;
use requests::Identity;

/// Time until an unanswered request is given up.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// Time between tries after an error or an empty answer.
const BACKOFF: Duration = Duration::from_millis(50);
/// `heartbeat.interval.ms`.
const HEARTBEAT: Duration = Duration::from_millis(1_000);
/// A member lives from this long to five times as long.
const LIFE_MS: u64 = 5_000;

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum About {
    Find,
    Join,
    Sync,
    Offsets,
    Heartbeat,
    Leave,
    Commit {
        generation: i32,
        offsets: Vec<(i32, i64)>,
    },
    Fetch {
        index: i32,
        position: i64,
    },
}

#[derive(Debug)]
enum Phase {
    /// It has ended; another begins when it is time.
    Away,
    Joining,
    /// The leader was told of the members.
    Syncing(Told),
    /// It owns partitions and asks where to begin.
    Starting,
    Reading,
}

/// A partition that it owns.
#[derive(Clone, Copy, Debug, Default)]
struct Owned {
    position: i64,
    /// The last offset that is known to be committed; -1 for none.
    committed: i64,
    /// The end in the last answer.
    end: Option<i64>,
}

/// The member.
#[derive(Debug)]
pub struct Member {
    name: u32,
    group: u32,
    topic: Topic,
    random: Random,
    metadata: Metadata,
    calls: Calls<About>,
    identity: Identity,
    coordinator: Option<BrokerId>,
    phase: Phase,
    owned: BTreeMap<i32, Owned>,
    /// The partition that is fetched next is the first one from here.
    turn: i32,
    try_at: Instant,
    beat_at: Instant,
    commit_at: Instant,
    end_at: Instant,
    finishing: bool,
}

impl Member {
    /// A member of the group of that number that reads a whole topic with the others.
    #[must_use]
    pub fn new(name: u32, group: u32, topic: Topic, brokers: Vec<BrokerId>, seed: u64) -> Member {
        let mut member = Member {
            name,
            group,
            topic,
            random: Random::new(seed),
            metadata: Metadata::new(topic.name, brokers, name as usize),
            calls: Calls::default(),
            identity: Identity {
                group: StrBytes::from_string(group_id(group)),
                member: StrBytes::default(),
                generation: -1,
            },
            coordinator: None,
            phase: Phase::Joining,
            owned: BTreeMap::new(),
            turn: 0,
            try_at: Instant(0),
            beat_at: Instant(0),
            commit_at: Instant(0),
            end_at: Instant(0),
            finishing: false,
        };
        member.end_at = Instant(0) + member.draw_life() * 2;
        member
    }

    fn draw_life(&mut self) -> Duration {
        Duration::from_millis(LIFE_MS + self.random.below(LIFE_MS * 4))
    }

    fn act(&mut self, now: Instant, out: &mut ClientOutput) {
        if matches!(self.phase, Phase::Away) {
            self.phase = Phase::Joining;
        }
        if !matches!(self.phase, Phase::Reading) || self.coordinator.is_none() {
            let busy = self.calls.any(|about| {
                !matches!(about, About::Fetch { .. } | About::Heartbeat | About::Leave)
            });
            if !busy {
                self.advance(now, out);
            }
            return;
        }
        self.beat(now, out);
        if self.commit_at <= now {
            self.commit(now, out);
        }
        self.fetch(now, out);
    }

    fn beat(&mut self, now: Instant, out: &mut ClientOutput) {
        let busy = self.calls.any(|about| *about == About::Heartbeat);
        if let Some(coordinator) = self.coordinator.filter(|_| !busy && self.beat_at <= now) {
            self.beat_at = now + HEARTBEAT;
            let request = self.identity.heartbeat();
            let about = About::Heartbeat;
            self.send(now, coordinator, requests::HEARTBEAT, &request, about, out);
        }
    }

    fn fetch(&mut self, now: Instant, out: &mut ClientOutput) {
        if self.calls.any(|about| matches!(about, About::Fetch { .. })) {
            return;
        }
        let after = self.owned.range(self.turn..).next();
        let Some((index, owned)) = after.or_else(|| self.owned.iter().next()) else {
            return;
        };
        let (index, position) = (*index, owned.position);
        self.turn = index + 1;
        let Some(leader) = self.metadata.leader(index) else {
            let correlation = self.calls.correlate();
            self.metadata.ask(now, correlation, out);
            self.try_at = now + BACKOFF;
            return;
        };
        let request = consumer::request(self.topic, index, position);
        let about = About::Fetch { index, position };
        self.send(now, leader, consumer::VERSION, &request, about, out);
    }

    fn answered(
        &mut self,
        now: Instant,
        call: &Call<About>,
        answer: &Bytes,
        out: &mut ClientOutput,
    ) {
        match &call.about {
            About::Find => self.found(now, answer),
            About::Join => self.joined(now, call, answer, out),
            About::Sync => self.synced(now, call, answer, out),
            About::Offsets => self.offsets(now, call, answer, out),
            About::Leave => {}
            About::Heartbeat => {
                let beat = codec::answer::<HeartbeatRequest>(requests::HEARTBEAT, answer);
                let code = beat.and_then(|beat| ErrorCode::from_code(beat.error_code));
                if code == Some(ErrorCode::RebalanceInProgress) {
                    // What was read is committed before the partitions are given up.
                    self.commit(now, out);
                }
                if code != Some(ErrorCode::None) {
                    self.refused(now, code, out);
                }
            }
            About::Commit {
                generation,
                offsets,
            } => self.committed(now, *generation, offsets, answer, out),
            About::Fetch { index, position } => {
                self.fetched(now, call, (*index, *position), answer, out);
            }
        }
    }

    /// A request that will get no answer.
    fn forgotten(&mut self, about: &About, outcome: Outcome, out: &mut ClientOutput) {
        match about {
            About::Commit {
                generation,
                offsets,
            } => {
                for offset in offsets {
                    self.commit_ended(*generation, *offset, outcome, out);
                }
                self.coordinator = None;
            }
            About::Fetch { index, .. } => self.metadata.forget(*index),
            _ => self.coordinator = None,
        }
    }

    fn fetched(
        &mut self,
        now: Instant,
        call: &Call<About>,
        (index, position): (i32, i64),
        answer: &Bytes,
        out: &mut ClientOutput,
    ) {
        // As real consumers do: what was asked from another position is not what comes next. A member that had to join
        // again may get the same partition in the same generation, and begin behind what it had asked for.
        let owned = self.owned.get_mut(&index);
        let Some(owned) = owned.filter(|owned| owned.position == position) else {
            return;
        };
        let partition = consumer::partition_in(answer).filter(|p| p.error_code == 0);
        let Some(partition) = partition else {
            self.metadata.forget(index);
            self.try_at = now + BACKOFF;
            return;
        };
        owned.end = Some(partition.high_watermark);
        let asked = (call.broker, call.since);
        let place = self.topic.partition(index);
        owned.position = consumer::take(self.name, place, owned.position, asked, partition, out);
    }

    fn is_caught_up(&self) -> bool {
        self.owned.values().all(|owned| {
            owned.end.is_some_and(|end| owned.position >= end)
                && owned.committed.max(0) == owned.position
        })
    }

    fn wake_at(&self, now: Instant) -> Instant {
        let soon = now + Duration::from_millis(1);
        let turns = match self.phase {
            Phase::Reading => self.try_at.max(self.beat_at.min(self.commit_at).max(soon)),
            _ => self.try_at.max(now + BACKOFF),
        };
        let waits = self.try_at.max(soon);
        let fetches = self.calls.any(|about| matches!(about, About::Fetch { .. }));
        let next = match self.phase {
            Phase::Reading if !fetches => waits,
            _ => turns.min(self.end_at.max(soon)),
        };
        self.calls
            .next_until()
            .map_or(next, |until| next.min(until))
    }
}

impl Client for Member {
    fn step(&mut self, now: Instant, event: ClientEvent, out: &mut ClientOutput) {
        let mut lost = Vec::new();
        match event {
            ClientEvent::Answer(answer) => match self.calls.answered(&answer) {
                Some(call) => self.answered(now, &call, &answer, out),
                None => {
                    self.metadata.answered(&answer);
                }
            },
            ClientEvent::Disconnected(broker) => {
                self.metadata.disconnected(broker);
                lost = self.calls.disconnected(broker);
            }
            ClientEvent::Wake => {}
        }
        lost.extend(self.calls.expired(now));
        for call in lost {
            self.forgotten(&call.about, Outcome::Unknown, out);
            self.try_at = now + BACKOFF;
        }
        if self.end_at <= now && !self.finishing && !matches!(self.phase, Phase::Away) {
            self.end(now, out);
        }
        if self.try_at <= now {
            self.act(now, out);
        }
        out.wake_at = Some(self.wake_at(now));
    }

    fn finish(&mut self) {
        self.finishing = true;
    }

    fn is_idle(&self) -> bool {
        self.finishing && matches!(self.phase, Phase::Reading) && self.is_caught_up()
    }
}

/// The id of the group of that number.
#[must_use]
pub fn group_id(group: u32) -> String {
    format!("group-{group}")
}
