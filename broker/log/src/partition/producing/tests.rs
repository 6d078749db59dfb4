//! Batches, markers and truncations in any order, compared with a model that is computed anew from
//! what the log holds; and the rules of epochs and sequences one by one.

use std::collections::BTreeMap;

use bytes::Bytes;
use kring_wire::ids::TopicPartition;
use kring_wire::{Attributes, BatchBuilder, TransactionOutcome};
use proptest::prelude::*;

use super::*;
use crate::config::TopicLogConfig;
use crate::event::AbortedTransaction;

const PRODUCERS: i64 = 3;
/// The producer for whom a coordinator writes.
const UNSEQUENCED: ProducerId = PRODUCERS;

fn partition() -> Partition {
    Partition::new(TopicPartition::default(), "t", TopicLogConfig::default())
}

/// Appends at the end, as a leader does.
fn push(partition: &mut Partition, batch: &Bytes) -> BatchHeader {
    let base = partition.log_end;
    let (header, _) = partition.push(batch, 50, |copy| {
        kring_wire::batch::assign(copy, base, 0);
        BatchHeader::parse(copy).unwrap()
    });
    header
}

fn batch(producer_id: ProducerId, epoch: i16, sequence: i32, transactional: bool) -> Bytes {
    let mut attributes = Attributes::default();
    if transactional {
        attributes = attributes.with_transactional();
    }
    let mut builder = BatchBuilder::new()
        .producer(producer_id, epoch, sequence)
        .attributes(attributes);
    builder.push(i64::from(sequence) + 100, None, Some(b"v"));
    builder.push(1, None, Some(b"w"));
    builder.build()
}

fn header(producer_id: ProducerId, epoch: i16, sequence: i32, transactional: bool) -> BatchHeader {
    BatchHeader::parse(&batch(producer_id, epoch, sequence, transactional)).unwrap()
}

fn marker(producer_id: ProducerId, epoch: i16, coordinator_epoch: i32) -> EndTxnMarker {
    EndTxnMarker {
        producer_id,
        producer_epoch: epoch,
        coordinator_epoch,
        outcome: TransactionOutcome::Abort,
    }
}

/// What came to the log, as the model remembers it.
#[derive(Clone, Copy, Debug)]
enum Held {
    Batch(BatchHeader),
    Marker(BatchHeader, EndTxnMarker),
}

impl Held {
    fn header(&self) -> &BatchHeader {
        match self {
            Held::Batch(header) | Held::Marker(header, _) => header,
        }
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Model {
    states: BTreeMap<ProducerId, ProducerState>,
    /// Producer, first offset and marker of those that have ended.
    ended: Vec<(ProducerId, Offset, Offset)>,
    aborted: Vec<(ProducerId, Offset, Offset)>,
}

impl Model {
    fn of(held: &[Held]) -> Model {
        let mut model = Model::default();
        for held in held {
            let header = held.header();
            let producer_id = header.producer_id;
            let state = model.states.entry(producer_id).or_insert(ProducerState {
                producer_id,
                producer_epoch: -1,
                last_sequence: -1,
                last_timestamp_ms: -1,
                coordinator_epoch: -1,
                transaction_start: -1,
            });
            state.last_timestamp_ms = header.max_timestamp_ms;
            match held {
                Held::Batch(header) => {
                    state.producer_epoch = header.producer_epoch;
                    state.last_sequence = header.last_sequence();
                    if header.attributes.is_transactional() && state.transaction_start < 0 {
                        state.transaction_start = header.base_offset;
                    }
                }
                Held::Marker(header, marker) => {
                    if marker.producer_epoch > state.producer_epoch {
                        state.last_sequence = -1;
                    }
                    state.producer_epoch = marker.producer_epoch;
                    state.coordinator_epoch = marker.coordinator_epoch;
                    let start = std::mem::replace(&mut state.transaction_start, -1);
                    let all = (producer_id, start, header.base_offset);
                    if start >= 0 {
                        model.ended.push(all);
                    }
                    if start >= 0 && marker.outcome == TransactionOutcome::Abort {
                        model.aborted.push(all);
                    }
                }
            }
        }
        model
    }

    fn last_stable(&self, high_watermark: Offset) -> Offset {
        let open = self.states.values().map(|s| s.transaction_start);
        let ended = self.ended.iter().filter(|(.., m)| *m >= high_watermark);
        let unstable = open.filter(|at| *at >= 0).chain(ended.map(|e| e.1));
        unstable.chain([high_watermark]).min().unwrap()
    }

    fn aborted(&self, from: Offset, upto: Offset) -> Vec<AbortedTransaction> {
        let within = self.aborted.iter();
        let within = within.filter(|(_, first, last)| *last >= from && *first < upto);
        let mut found: Vec<AbortedTransaction> = within
            .map(|(producer_id, first_offset, _)| AbortedTransaction {
                producer_id: *producer_id,
                first_offset: *first_offset,
            })
            .collect();
        found.sort_by_key(|a| a.first_offset);
        found
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// The next batch of a producer, or one of a raised epoch.
    Append {
        producer_id: ProducerId,
        raise: bool,
        transactional: bool,
    },
    Unsequenced,
    Marker {
        producer_id: ProducerId,
        raise: bool,
        commit: bool,
    },
    Commit(prop::sample::Index),
    Truncate(prop::sample::Index),
    /// As through a checkpoint.
    Store,
}

fn step() -> impl Strategy<Value = Step> {
    let id = || 0..PRODUCERS;
    prop_oneof![
        6 => (id(), prop::bool::weighted(0.1), prop::bool::weighted(0.8)).prop_map(
            |(producer_id, raise, transactional)| Step::Append { producer_id, raise, transactional }
        ),
        1 => Just(Step::Unsequenced),
        4 => (0..=PRODUCERS, any::<bool>(), any::<bool>())
            .prop_map(|(producer_id, raise, commit)| Step::Marker { producer_id, raise, commit }),
        2 => any::<prop::sample::Index>().prop_map(Step::Commit),
        2 => any::<prop::sample::Index>().prop_map(Step::Truncate),
        1 => Just(Step::Store),
    ]
}

struct Run {
    partition: Partition,
    held: Vec<Held>,
    coordinator_epoch: i32,
}

impl Run {
    fn take(&mut self, step: &Step) {
        match *step {
            Step::Append {
                producer_id,
                raise,
                transactional,
            } => {
                let known = self.state(producer_id);
                let epoch = known.map_or(0, |s| s.producer_epoch) + i16::from(raise);
                let goes_on = known.filter(|s| s.producer_epoch == epoch);
                let sequence = goes_on.map_or(0, |s| s.last_sequence + 1);
                let batch = batch(producer_id, epoch, sequence, transactional);
                let header = BatchHeader::parse(&batch).unwrap();
                let open = known.is_some_and(|s| s.transaction_start >= 0);
                match self.partition.check_batch(&header) {
                    Ok(verdict) => assert_eq!(verdict, Verdict::New),
                    Err(AppendError::InvalidTxnState { .. }) if open && !transactional => return,
                    Err(error) => panic!("{error}: {header:?} after {known:?}"),
                }
                self.held
                    .push(Held::Batch(push(&mut self.partition, &batch)));
            }
            Step::Unsequenced => {
                let epoch = self.state(UNSEQUENCED).map_or(0, |s| s.producer_epoch);
                let mut builder = BatchBuilder::new().transactional(UNSEQUENCED, epoch);
                builder.push(7, Some(b"k"), None);
                let batch = builder.build();
                let header = BatchHeader::parse(&batch).unwrap();
                self.partition.check_unsequenced(&header).unwrap();
                self.held
                    .push(Held::Batch(push(&mut self.partition, &batch)));
            }
            Step::Marker {
                producer_id,
                raise,
                commit,
            } => {
                self.coordinator_epoch += i32::from(commit);
                let epoch = self.state(producer_id).map_or(0, |s| s.producer_epoch);
                let epoch = epoch + i16::from(raise);
                let mut marker = marker(producer_id, epoch, self.coordinator_epoch);
                if commit {
                    marker.outcome = TransactionOutcome::Commit;
                }
                self.partition.check_marker(&marker).unwrap();
                let header = push(&mut self.partition, &marker.build(9));
                self.held.push(Held::Marker(header, marker));
            }
            Step::Commit(index) => {
                let span = self.partition.log_end - self.partition.high_watermark;
                let by = index.index(span as usize + 1) as Offset;
                let to = self.partition.high_watermark + by;
                self.partition.raise_high_watermark(to);
            }
            Step::Truncate(index) => {
                let high_watermark = self.partition.high_watermark;
                let bases = self.held.iter().map(|h| h.header().base_offset);
                let mut cuts: Vec<Offset> = bases.filter(|base| *base >= high_watermark).collect();
                cuts.push(self.partition.log_end);
                let to = cuts[index.index(cuts.len())];
                self.partition.truncate(to);
                self.held.retain(|h| h.header().base_offset < to);
            }
            Step::Store => {
                let stored = postcard::to_allocvec(&self.partition.transactions).unwrap();
                self.partition.transactions = postcard::from_bytes(&stored).unwrap();
            }
        }
    }

    fn state(&self, producer_id: ProducerId) -> Option<ProducerState> {
        let states = self.partition.producer_states();
        states.into_iter().find(|s| s.producer_id == producer_id)
    }

    fn check(&self) {
        let model = Model::of(&self.held);
        let partition = &self.partition;
        let states: Vec<ProducerState> = model.states.values().copied().collect();
        assert_eq!(partition.producer_states(), states);
        let high_watermark = partition.high_watermark;
        let stable = partition.last_stable_offset();
        assert_eq!(stable, model.last_stable(high_watermark));
        let end = partition.log_end;
        for (from, upto) in [(0, end), (end / 3, 2 * end / 3), (stable, end), (0, stable)] {
            let aborted = partition.transactions.aborted(from, upto);
            assert_eq!(aborted, model.aborted(from, upto), "{from}..{upto}");
        }
        for state in states {
            let open = partition.transaction_of(state.producer_id);
            let first = open.map_or(-1, |open| open.first_offset);
            assert_eq!(first, state.transaction_start);
            // What was, and what never may be.
            let old = header(state.producer_id, state.producer_epoch - 1, 0, true);
            let refused = partition.check_batch(&old);
            assert!(
                matches!(refused, Err(AppendError::InvalidProducerEpoch { .. })),
                "{refused:?} {state:?}"
            );
        }
        for held in self.held.iter().rev().take(3) {
            if let Held::Batch(sent) = held
                && sent.base_sequence >= 0
                && model.states[&sent.producer_id].producer_epoch == sent.producer_epoch
            {
                let again = partition.check_batch(sent);
                assert!(matches!(again, Ok(Verdict::Duplicate(_))), "{again:?}");
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_state_is_what_the_log_says(
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let mut run = Run { partition: partition(), held: Vec::new(), coordinator_epoch: 0 };
        for step in &steps {
            run.take(step);
            run.check();
        }
    }
}

#[test]
fn a_batch_outside_of_a_transaction_is_refused_while_one_is_open() {
    let mut p = partition();
    push(&mut p, &batch(1, 0, 0, true));
    let outside = p.check_batch(&header(1, 0, 2, false));
    let expected = AppendError::InvalidTxnState {
        producer_id: 1,
        first_offset: 0,
    };
    assert_eq!(outside, Err(expected));
    assert_eq!(p.check_batch(&header(1, 0, 2, true)), Ok(Verdict::New));
    push(&mut p, &marker(1, 0, 0).build(1));
    assert_eq!(p.check_batch(&header(1, 0, 2, false)), Ok(Verdict::New));
}

#[test]
fn a_marker_that_raises_the_epoch_begins_the_sequence_anew_and_fences_what_came_before() {
    let mut p = partition();
    push(&mut p, &batch(1, 0, 0, true));
    push(&mut p, &marker(1, 1, 0).build(1));
    // Also what is in the log: the transaction is over, its producer is to know.
    let again = p.check_batch(&header(1, 0, 0, true));
    assert!(matches!(
        again,
        Err(AppendError::InvalidProducerEpoch { current: 1, .. })
    ));
    assert!(matches!(
        p.check_batch(&header(1, 1, 2, true)),
        Err(AppendError::OutOfOrderSequence { expected: 0, .. })
    ));
    assert_eq!(p.check_batch(&header(1, 1, 0, true)), Ok(Verdict::New));
    assert_eq!(p.check_batch(&header(1, 2, 0, true)), Ok(Verdict::New));
    assert_eq!(p.producer_states()[0].last_sequence, -1);
}

#[test]
fn a_marker_of_the_same_epoch_lets_the_sequence_go_on() {
    let mut p = partition();
    push(&mut p, &batch(1, 0, 0, true));
    push(&mut p, &marker(1, 0, 0).build(1));
    let again = p.check_batch(&header(1, 0, 0, true));
    assert!(matches!(again, Ok(Verdict::Duplicate(_))));
    assert_eq!(p.check_batch(&header(1, 0, 2, true)), Ok(Verdict::New));
    assert!(p.check_batch(&header(1, 0, 4, true)).is_err());
}

#[test]
fn of_a_producer_of_whom_only_a_marker_is_known_the_sequence_may_begin_anywhere() {
    let mut p = partition();
    push(&mut p, &marker(1, 3, 0).build(1));
    assert_eq!(p.check_batch(&header(1, 3, 17, true)), Ok(Verdict::New));
    assert!(p.check_batch(&header(1, 2, 17, true)).is_err());
}

#[test]
fn markers_of_older_epochs_are_refused() {
    let mut p = partition();
    push(&mut p, &batch(1, 5, 0, true));
    assert!(matches!(
        p.check_marker(&marker(1, 4, 9)),
        Err(AppendError::InvalidProducerEpoch {
            epoch: 4,
            current: 5,
            ..
        })
    ));
    push(&mut p, &marker(1, 5, 9).build(1));
    assert_eq!(
        p.check_marker(&marker(1, 5, 8)),
        Err(AppendError::CoordinatorFenced {
            producer_id: 1,
            coordinator_epoch: 8,
            current: 9
        })
    );
    p.check_marker(&marker(1, 5, 9)).unwrap();
    // Another producer has another coordinator.
    p.check_marker(&marker(2, 0, 1)).unwrap();
    let coordinator = |epoch| {
        let mut batch = BatchBuilder::new().transactional(1, epoch);
        batch.push(1, Some(b"k"), None);
        BatchHeader::parse(&batch.build()).unwrap()
    };
    assert!(p.check_unsequenced(&coordinator(4)).is_err());
    p.check_unsequenced(&coordinator(5)).unwrap();
}

#[test]
fn a_producer_with_an_open_transaction_is_not_forgotten() {
    let mut p = partition();
    push(&mut p, &batch(1, 0, 0, true));
    push(&mut p, &batch(2, 0, 0, false));
    push(&mut p, &batch(3, 0, 0, true));
    push(&mut p, &marker(3, 0, 0).build(1));
    let later = 50 + p.config.producer_id_expiration_ms;
    p.expire_producers(later);
    let ids = |p: &Partition| -> Vec<ProducerId> {
        p.producer_states().iter().map(|s| s.producer_id).collect()
    };
    // The marker of the third may be truncated.
    assert_eq!(ids(&p), [1, 3]);
    p.raise_high_watermark(p.log_end);
    p.expire_producers(later);
    assert_eq!(ids(&p), [1]);
    assert_eq!(p.producer_states()[0].last_sequence, 1);
    assert_eq!(p.transaction_of(1).unwrap().first_offset, 0);
    let note = &mut p.producers;
    assert_eq!(note.forget_oldest(|id| id == 1), None);
}

#[test]
fn the_last_stable_offset_never_lies_before_the_log_start() {
    let mut p = partition();
    push(&mut p, &batch(1, 0, 0, true));
    push(&mut p, &batch(2, 0, 0, false));
    p.raise_high_watermark(4);
    assert_eq!(p.last_stable_offset(), 0);
    p.set_log_start(3);
    assert_eq!(p.last_stable_offset(), 3);
    push(&mut p, &marker(1, 0, 0).build(1));
    assert_eq!(p.last_stable_offset(), 3);
    p.raise_high_watermark(5);
    assert_eq!(p.last_stable_offset(), 5);
}
