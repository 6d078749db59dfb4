//! A coordinator with its log for tests: replicas that replay, a high watermark that can be held back, and time.
//! It knows no expectation; the scenarios and the property test do.

#![allow(dead_code, reason = "each test crate uses a part of it")]

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use kring_groups::{
    GroupConfig, GroupEvent, GroupOut, GroupRequest, GroupResponse, Groups, Loaded, LoadedRecord,
    Token,
};
use kring_io::{Instant, Now};
use kring_wire::{ErrorCode, Offset, ProducerId};

/// The one partition under test.
pub(crate) const PARTITION: i32 = 3;

/// Wakes that one advance of time may take; more is an engine that does not come to rest.
const WAKES_MAX: usize = 10_000;

/// One offset of the log.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Record {
        key: Bytes,
        value: Option<Bytes>,
        transaction: Option<ProducerId>,
    },
    Marker {
        producer_id: ProducerId,
        committed: bool,
    },
}

/// What reaches the high watermark next.
enum UnderWay {
    /// An append, with its last offset.
    Append(Token, Offset),
    /// An append that was refused, which the engine does not know yet.
    Refused(Token, ErrorCode, Vec<Entry>),
    /// A marker at this offset.
    Marker(Offset),
}

/// Some replicas of one partition of `__consumer_offsets`, one of them its leader.
pub(crate) struct Coordinator {
    pub(crate) now: Now,
    replicas: Vec<Groups>,
    leader: usize,
    epoch: i32,
    log: Vec<Entry>,
    high_watermark: usize,
    /// In the order of the log.
    under_way: VecDeque<UnderWay>,
    pub(crate) hold: bool,
    pub(crate) refuse: Option<ErrorCode>,
    wake_at: Option<Instant>,
    next_id: u64,
    pub(crate) responses: Vec<(u64, GroupResponse)>,
}

impl Coordinator {
    pub(crate) fn new(config: GroupConfig, replicas: usize) -> Coordinator {
        let engines = (0..replicas).map(|i| Groups::new(config.clone(), i as u64));
        let mut coordinator = Coordinator {
            now: Now {
                mono: Instant(0),
                wall_ms: 1_700_000_000_000,
            },
            replicas: engines.collect(),
            leader: 0,
            epoch: 0,
            log: Vec::new(),
            high_watermark: 0,
            under_way: VecDeque::new(),
            hold: false,
            refuse: None,
            wake_at: None,
            next_id: 0,
            responses: Vec::new(),
        };
        coordinator.elect(0);
        coordinator
    }

    pub(crate) fn engine(&self) -> &Groups {
        &self.replicas[self.leader]
    }

    pub(crate) fn log(&self) -> &[Entry] {
        &self.log
    }

    pub(crate) fn high_watermark(&self) -> usize {
        self.high_watermark
    }

    /// What the engine does not know yet to be refused.
    pub(crate) fn refused(&self) -> impl Iterator<Item = Entry> {
        let refused = |under_way: &UnderWay| match under_way {
            UnderWay::Refused(_, _, entries) => entries.clone(),
            UnderWay::Append(..) | UnderWay::Marker(_) => Vec::new(),
        };
        self.under_way.iter().flat_map(refused)
    }

    /// Whether everything that the log has is below the high watermark.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.under_way.is_empty()
    }

    pub(crate) fn step(&mut self, event: GroupEvent) {
        let mut out = GroupOut::default();
        self.replicas[self.leader].step(self.now, event, &mut out);
        self.take(out);
        if !self.hold {
            self.complete();
        }
    }

    fn take(&mut self, out: GroupOut) {
        if let Some(at) = out.wake_at {
            self.wake_at = Some(self.wake_at.map_or(at, |known| known.min(at)));
        }
        for append in out.appends {
            assert_eq!(append.partition, PARTITION);
            assert!(!append.records.is_empty());
            let transaction = append.transaction.map(|(producer_id, _)| producer_id);
            let entry = |(key, value)| Entry::Record {
                key,
                value,
                transaction,
            };
            let entries = append.records.into_iter().map(entry);
            self.under_way.push_back(match self.refuse {
                Some(error) => UnderWay::Refused(append.token, error, entries.collect()),
                None => {
                    self.log.extend(entries);
                    UnderWay::Append(append.token, self.log.len() as Offset - 1)
                }
            });
        }
        self.responses.extend(out.responses);
    }

    pub(crate) fn request(&mut self, request: GroupRequest) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.step(GroupEvent::Request {
            id,
            partition: PARTITION,
            request,
        });
        id
    }

    /// The transaction coordinator ends a producer's transaction.
    pub(crate) fn end_transaction(&mut self, producer_id: ProducerId, committed: bool) {
        let offset = self.log.len() as Offset;
        self.log.push(Entry::Marker {
            producer_id,
            committed,
        });
        self.under_way.push_back(UnderWay::Marker(offset));
        if !self.hold {
            self.complete();
        }
    }

    /// Everything that was appended reaches the high watermark.
    pub(crate) fn complete(&mut self) {
        while let Some(first) = self.under_way.pop_front() {
            self.complete_one(first);
        }
    }

    /// The first append under way reaches the high watermark.
    pub(crate) fn complete_first(&mut self) {
        if let Some(first) = self.under_way.pop_front() {
            self.complete_one(first);
        }
    }

    fn complete_one(&mut self, first: UnderWay) {
        let event = match first {
            UnderWay::Append(token, last) => {
                self.high_watermark = self.high_watermark.max(last as usize + 1);
                let result = Ok(last);
                GroupEvent::Appended { token, result }
            }
            UnderWay::Refused(token, error, _) => {
                let result = Err(error);
                GroupEvent::Appended { token, result }
            }
            UnderWay::Marker(offset) => {
                self.high_watermark = self.high_watermark.max(offset as usize + 1);
                self.marker(offset as usize)
            }
        };
        if matches!(event, GroupEvent::Marker { .. }) {
            self.mislead(&event);
        }
        let mut out = GroupOut::default();
        self.replicas[self.leader].step(self.now, event, &mut out);
        self.take(out);
    }

    /// Brokers that do not lead are told as well: they must wait for what lies before it.
    fn mislead(&mut self, event: &GroupEvent) {
        for replica in (0..self.replicas.len()).filter(|i| *i != self.leader) {
            let mut out = GroupOut::default();
            self.replicas[replica].step(self.now, event.clone(), &mut out);
            assert!(out.appends.is_empty() && out.responses.is_empty());
        }
    }

    /// Another replica becomes leader. Of what is not committed it has the first `kept` records.
    pub(crate) fn fail_over(&mut self, to: usize, kept: usize) {
        let mut out = GroupOut::default();
        let event = GroupEvent::Resign {
            partition: PARTITION,
        };
        self.replicas[self.leader].step(self.now, event, &mut out);
        assert!(
            out.appends.is_empty(),
            "a coordinator that resigns appends nothing"
        );
        self.take(out);
        self.under_way.clear();
        self.log.truncate(self.high_watermark + kept);
        self.high_watermark = self.log.len();
        self.elect(to);
    }

    /// As [`Coordinator::fail_over`], to the next replica, with at most `kept` of what is not committed.
    pub(crate) fn fail_over_to_next(&mut self, kept: usize) {
        let to = (self.leader + 1) % self.replicas.len();
        let uncommitted = self.log.len() - self.high_watermark;
        self.fail_over(to, kept.min(uncommitted));
    }

    /// Every replica's broker learns something of the cluster.
    pub(crate) fn tell_all(&mut self, event: &GroupEvent) {
        for replica in (0..self.replicas.len()).filter(|i| *i != self.leader) {
            let mut out = GroupOut::default();
            self.replicas[replica].step(self.now, event.clone(), &mut out);
            assert!(out.appends.is_empty() && out.responses.is_empty());
        }
        self.step(event.clone());
    }

    fn marker(&self, offset: usize) -> GroupEvent {
        let Entry::Marker {
            producer_id,
            committed,
        } = self.log[offset]
        else {
            panic!("a marker stays where it is")
        };
        GroupEvent::Marker {
            partition: PARTITION,
            offset: offset as Offset,
            producer_id,
            committed,
        }
    }

    /// What the log says of `from` up to `to`, as a replica that does not lead gets it.
    pub(crate) fn load(&self, from: usize, to: usize) -> GroupEvent {
        let entries = self.log.iter().enumerate().take(to).skip(from);
        let records = entries.map(|(offset, entry)| {
            let offset = offset as Offset;
            match entry.clone() {
                Entry::Record {
                    key,
                    value,
                    transaction,
                } => Loaded::Record(LoadedRecord {
                    offset,
                    key,
                    value,
                    transaction,
                }),
                Entry::Marker {
                    producer_id,
                    committed,
                } => Loaded::Marker {
                    offset,
                    producer_id,
                    committed,
                },
            }
        });
        GroupEvent::Load {
            partition: PARTITION,
            records: records.collect(),
            next_offset: to as Offset,
        }
    }

    /// A follower replays up to `entries` of what it lacks below the high watermark.
    pub(crate) fn follow(&mut self, replica: usize, entries: usize) {
        if replica == self.leader {
            return;
        }
        let from = self.replicas[replica].replayed_to(PARTITION) as usize;
        let to = self.high_watermark.min(from + entries);
        if from < to {
            let load = self.load(from, to);
            let mut out = GroupOut::default();
            self.replicas[replica].step(self.now, load, &mut out);
            assert!(out.appends.is_empty() && out.responses.is_empty());
        }
    }

    fn elect(&mut self, to: usize) {
        self.leader = to;
        self.epoch += 1;
        let from = self.replicas[to].replayed_to(PARTITION) as usize;
        let load = self.load(from, self.log.len());
        let lead = GroupEvent::BecomeLeader {
            partition: PARTITION,
            epoch: self.epoch,
        };
        for event in [load, lead] {
            let mut out = GroupOut::default();
            self.replicas[to].step(self.now, event, &mut out);
            self.take(out);
        }
    }

    /// Time passes; the engine is woken when it asked for it.
    pub(crate) fn advance(&mut self, ms: u64) {
        let end = self.now.mono + Duration::from_millis(ms);
        for _ in 0..WAKES_MAX {
            let Some(at) = self.wake_at.filter(|at| *at <= end) else {
                self.move_clock(end);
                return;
            };
            self.wake_at = None;
            self.move_clock(at);
            self.step(GroupEvent::Wake);
        }
        panic!("the engine asked to be woken {WAKES_MAX} times within {ms} ms");
    }

    fn move_clock(&mut self, to: Instant) {
        let passed = to.since(self.now.mono);
        self.now.mono = self.now.mono.max(to);
        self.now.wall_ms += i64::try_from(passed.as_millis()).expect("tests are short");
    }
}

/// A consumer's subscription to `topics`, version 0.
pub(crate) fn subscription(topics: &[&str]) -> Bytes {
    let mut bytes = vec![0, 0];
    bytes.extend((topics.len() as u32).to_be_bytes());
    for topic in topics {
        bytes.extend((topic.len() as u16).to_be_bytes());
        bytes.extend(topic.as_bytes());
    }
    bytes.extend((-1i32).to_be_bytes());
    bytes.into()
}
