//! A coordinator with its log for tests: replicas that replay, a high watermark that can be held back, and time.
//! It knows no expectation; the scenarios and the property test do.

#![allow(dead_code, reason = "each test crate uses a part of it")]

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use kring_groups::{
    GroupConfig, GroupEvent, GroupOut, GroupRequest, GroupResponse, Groups, LoadedRecord, Token,
};
use kring_io::{Instant, Now};
use kring_wire::{ErrorCode, Offset};

/// The one partition under test.
pub(crate) const PARTITION: i32 = 3;

/// Wakes that one advance of time may take; more is an engine that does not come to rest.
const WAKES_MAX: usize = 10_000;

type KeyValue = (Bytes, Option<Bytes>);

/// Some replicas of one partition of `__consumer_offsets`, one of them its leader.
pub(crate) struct Coordinator {
    pub(crate) now: Now,
    replicas: Vec<Groups>,
    leader: usize,
    epoch: i32,
    log: Vec<KeyValue>,
    high_watermark: usize,
    /// Appends whose completion is due, in order, with the end of the log after each.
    under_way: VecDeque<(Token, Result<Offset, ErrorCode>)>,
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

    pub(crate) fn log(&self) -> &[KeyValue] {
        &self.log
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
            let result = match self.refuse {
                Some(error) => Err(error),
                None => {
                    self.log.extend(append.records);
                    Ok(self.log.len() as Offset - 1)
                }
            };
            self.under_way.push_back((append.token, result));
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

    /// Everything that was appended reaches the high watermark.
    pub(crate) fn complete(&mut self) {
        while let Some((token, result)) = self.under_way.pop_front() {
            self.complete_one(token, result);
        }
    }

    /// The first append under way reaches the high watermark.
    pub(crate) fn complete_first(&mut self) {
        if let Some((token, result)) = self.under_way.pop_front() {
            self.complete_one(token, result);
        }
    }

    fn complete_one(&mut self, token: Token, result: Result<Offset, ErrorCode>) {
        if let Ok(last) = result {
            self.high_watermark = self.high_watermark.max(last as usize + 1);
        }
        let mut out = GroupOut::default();
        let event = GroupEvent::Appended { token, result };
        self.replicas[self.leader].step(self.now, event, &mut out);
        self.take(out);
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

    fn elect(&mut self, to: usize) {
        self.leader = to;
        self.epoch += 1;
        let from = self.replicas[to].replayed_to(PARTITION) as usize;
        let records = self.log.iter().enumerate().skip(from);
        let records: Vec<LoadedRecord> = records
            .map(|(offset, (key, value))| LoadedRecord {
                offset: offset as Offset,
                key: key.clone(),
                value: value.clone(),
            })
            .collect();
        let load = GroupEvent::Load {
            partition: PARTITION,
            records,
            next_offset: self.log.len() as Offset,
        };
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
