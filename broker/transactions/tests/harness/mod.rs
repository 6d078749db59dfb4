//! A coordinator with its log for tests: replicas that replay, a high watermark that can be held back, and time.
//! It knows no expectation and answers no marker; the rules and the property test do.

#![allow(dead_code, reason = "each test crate uses a part of it")]

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use kring_io::{Instant, Now};
use kring_transactions::{
    DescribedTransaction, LoadedRecord, MarkerId, Token, TransactionConfig, TransactionEvent,
    TransactionOut, TransactionRequest, TransactionResponse, Transactions, WriteMarker,
};
use kring_wire::{ErrorCode, Offset};

/// The one partition under test.
pub(crate) const PARTITION: i32 = 3;

/// Wakes that one advance of time may take; more is an engine that does not come to rest.
const WAKES_MAX: usize = 10_000;

pub(crate) type KeyValue = (Bytes, Option<Bytes>);

/// Some replicas of one partition of `__transaction_state`, one of them its leader.
pub(crate) struct Coordinator {
    pub(crate) now: Now,
    config: TransactionConfig,
    replicas: Vec<Transactions>,
    leader: usize,
    epoch: i32,
    log: Vec<KeyValue>,
    high_watermark: usize,
    /// Appends whose completion is due, in order.
    under_way: VecDeque<(Token, Result<Offset, ErrorCode>)>,
    pub(crate) hold: bool,
    pub(crate) refuse: Option<ErrorCode>,
    pub(crate) wake_at: Option<Instant>,
    next_id: u64,
    pub(crate) responses: Vec<(u64, TransactionResponse)>,
    /// Markers that the engine asked for, until a test takes them.
    pub(crate) markers: Vec<WriteMarker>,
}

impl Coordinator {
    pub(crate) fn new(replicas: usize) -> Coordinator {
        Coordinator::with_log(replicas, Vec::new())
    }

    /// With records from before.
    pub(crate) fn with_log(replicas: usize, log: Vec<KeyValue>) -> Coordinator {
        let config = TransactionConfig::default();
        let engines = (0..replicas).map(|_| Transactions::new(config.clone()));
        let mut coordinator = Coordinator {
            now: Now {
                mono: Instant(0),
                wall_ms: 1_700_000_000_000,
            },
            replicas: engines.collect(),
            config,
            leader: 0,
            epoch: 0,
            high_watermark: log.len(),
            log,
            under_way: VecDeque::new(),
            hold: false,
            refuse: None,
            wake_at: None,
            next_id: 0,
            responses: Vec::new(),
            markers: Vec::new(),
        };
        coordinator.elect(0);
        coordinator
    }

    pub(crate) fn engine(&self) -> &Transactions {
        &self.replicas[self.leader]
    }

    /// Which replica leads.
    pub(crate) fn leader(&self) -> usize {
        self.leader
    }

    pub(crate) fn epoch(&self) -> i32 {
        self.epoch
    }

    pub(crate) fn log(&self) -> &[KeyValue] {
        &self.log
    }

    pub(crate) fn committed(&self) -> &[KeyValue] {
        &self.log[..self.high_watermark]
    }

    pub(crate) fn step(&mut self, event: TransactionEvent) {
        let mut out = TransactionOut::default();
        self.replicas[self.leader].step(self.now, event, &mut out);
        self.take(out);
        if !self.hold {
            self.complete();
        }
    }

    fn take(&mut self, out: TransactionOut) {
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
        self.markers.extend(out.markers);
    }

    pub(crate) fn request(&mut self, request: TransactionRequest) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.step(TransactionEvent::Request {
            id,
            partition: PARTITION,
            request,
        });
        id
    }

    /// The answer to a request, if it came already.
    pub(crate) fn answer(&mut self, id: u64) -> Option<TransactionResponse> {
        let at = self.responses.iter().position(|(of, _)| *of == id)?;
        Some(self.responses.remove(at).1)
    }

    pub(crate) fn ask(&mut self, request: TransactionRequest) -> TransactionResponse {
        let id = self.request(request);
        self.answer(id).expect("nothing is held back")
    }

    pub(crate) fn describe(&mut self, name: &str) -> DescribedTransaction {
        let hold = std::mem::replace(&mut self.hold, true);
        let answer = self.ask(TransactionRequest::Describe(name.to_owned()));
        self.hold = hold;
        match answer {
            TransactionResponse::Describe(described) => described,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn marker_written(
        &mut self,
        id: MarkerId,
        (topic, partition): (&str, i32),
        result: Result<(), ErrorCode>,
    ) {
        self.step(TransactionEvent::MarkerWritten {
            id,
            topic: topic.to_owned(),
            partition,
            result,
        });
    }

    /// Everything that was appended reaches the high watermark.
    pub(crate) fn complete(&mut self) {
        while !self.under_way.is_empty() {
            self.complete_first();
        }
    }

    /// The first append under way reaches the high watermark.
    pub(crate) fn complete_first(&mut self) {
        let Some((token, result)) = self.under_way.pop_front() else {
            return;
        };
        if let Ok(last) = result {
            self.high_watermark = self.high_watermark.max(last as usize + 1);
        }
        let mut out = TransactionOut::default();
        let event = TransactionEvent::Appended { token, result };
        self.replicas[self.leader].step(self.now, event, &mut out);
        self.take(out);
    }

    /// Another replica becomes leader. Of what is not committed it has the first `kept` records.
    pub(crate) fn fail_over(&mut self, to: usize, kept: usize) {
        let mut out = TransactionOut::default();
        let event = TransactionEvent::Resign {
            partition: PARTITION,
        };
        self.replicas[self.leader].step(self.now, event, &mut out);
        assert!(
            out.appends.is_empty() && out.markers.is_empty(),
            "a coordinator that resigns begins nothing"
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
        let from = self.replicas[to].replayed_to(PARTITION);
        let load = load(self.log(), from);
        let lead = TransactionEvent::BecomeLeader {
            partition: PARTITION,
            epoch: self.epoch,
        };
        for event in [load, lead] {
            let mut out = TransactionOut::default();
            self.replicas[to].step(self.now, event, &mut out);
            self.take(out);
        }
        if !self.hold {
            self.complete();
        }
    }

    /// A coordinator that knows nothing but the committed records.
    pub(crate) fn replay(&self) -> Transactions {
        let mut engine = Transactions::new(self.config.clone());
        let mut out = TransactionOut::default();
        engine.step(self.now, load(self.committed(), 0), &mut out);
        let lead = TransactionEvent::BecomeLeader {
            partition: PARTITION,
            epoch: self.epoch,
        };
        engine.step(self.now, lead, &mut out);
        engine
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
            self.step(TransactionEvent::Wake);
        }
        panic!("the engine asked to be woken {WAKES_MAX} times within {ms} ms");
    }

    fn move_clock(&mut self, to: Instant) {
        let passed = to.since(self.now.mono);
        self.now.mono = self.now.mono.max(to);
        self.now.wall_ms += i64::try_from(passed.as_millis()).expect("tests are short");
    }
}

/// The records from `from` on.
fn load(log: &[KeyValue], from: Offset) -> TransactionEvent {
    let records = log.iter().enumerate().skip(from as usize);
    TransactionEvent::Load {
        partition: PARTITION,
        records: records
            .map(|(offset, (key, value))| LoadedRecord {
                offset: offset as Offset,
                key: key.clone(),
                value: value.clone(),
            })
            .collect(),
        next_offset: log.len() as Offset,
    }
}
