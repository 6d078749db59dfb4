//! Which sessions are kept and for how long; what an answer leaves out.
//! Whole requests and answers are in the crate's `tests/one_broker/sessions.rs`.

use kring_wire::fetch::{FetchPartition, FetchPartitionResponse, FetchTopic, ForgottenTopic};
use kring_wire::{TopicId, TopicPartition, TopicRef};

use super::super::plan::Ask;
use super::*;

const LIMITS: Limits = Limits {
    slots: 3,
    bytes: 1 << 20,
};
const BY_NAME: i16 = 12;

fn at(seconds: u64) -> Instant {
    Instant(1_000_000_000) + Duration::from_secs(seconds)
}

fn asked(index: i32, offset: i64) -> FetchPartition {
    FetchPartition {
        partition: index,
        current_leader_epoch: -1,
        fetch_offset: offset,
        last_fetched_epoch: -1,
        log_start_offset: -1,
        partition_max_bytes: 1 << 20,
    }
}

fn answer(index: i32, high_watermark: i64) -> FetchPartitionResponse {
    let mut answer = FetchPartitionResponse::failed(index, ErrorCode::None);
    answer.high_watermark = high_watermark;
    answer.last_stable_offset = high_watermark;
    answer.log_start = 0;
    answer
}

fn row(topic: &str, index: i32) -> Row {
    let ask = Ask {
        topic: TopicRef::from(topic),
        partition: asked(index, 0),
        tp: Ok(TopicPartition::new(TopicId::ZERO, index)),
    };
    (ask, answer(index, 7))
}

fn rows(count: i32) -> Vec<Row> {
    (0..count).map(|index| row("t", index)).collect()
}

fn request(id: i32, epoch: i32, asked: &[FetchPartition], forgotten: &[i32]) -> FetchRequest {
    FetchRequest {
        cluster_id: None,
        replica_id: -1,
        replica_epoch: -1,
        max_wait_ms: 0,
        min_bytes: 0,
        max_bytes: 1 << 20,
        isolation_level: 0,
        session_id: id,
        session_epoch: epoch,
        topics: vec![FetchTopic {
            topic: TopicRef::from("t"),
            partitions: asked.to_vec(),
        }],
        forgotten: vec![ForgottenTopic {
            topic: TopicRef::from("t"),
            partitions: forgotten.to_vec(),
        }],
        rack_id: "".into(),
    }
}

struct Cache {
    sessions: Sessions,
    random: Random,
    limits: Limits,
}

impl Cache {
    fn new(limits: Limits) -> Cache {
        Cache {
            sessions: Sessions::default(),
            random: Random::new(1),
            limits,
        }
    }

    fn create(&mut self, seconds: u64, rows: &[Row]) -> i32 {
        let (now, random) = (at(seconds), &mut self.random);
        let id = self
            .sessions
            .create(now, self.limits, random, BY_NAME, rows);
        self.check();
        id
    }

    fn begin(&mut self, seconds: u64, request: &FetchRequest) -> Result<Context, ErrorCode> {
        let (now, limits) = (at(seconds), self.limits);
        let context = self.sessions.begin(now, limits, BY_NAME, request);
        self.check();
        context
    }

    fn goes_on(&mut self, seconds: u64, id: i32, epoch: i32) {
        let context = self.begin(seconds, &request(id, epoch, &[], &[]));
        let epoch = epoch + 1;
        assert_eq!(context, Ok(Context::Incremental { id, epoch }));
    }

    fn check(&self) {
        let open = &self.sessions.open;
        let bytes: usize = open.values().map(|kept| kept.session.bytes()).sum();
        let partitions: usize = open.values().map(|kept| kept.session.len()).sum();
        assert_eq!(self.sessions.bytes, bytes);
        assert_eq!(self.sessions.partitions, partitions);
        assert_eq!(self.sessions.by_last_use.len(), open.len());
        assert!(bytes <= self.limits.bytes && open.len() <= self.limits.slots);
    }
}

#[test]
fn a_session_has_an_epoch_for_each_request_and_ends_with_a_whole_one() {
    let mut cache = Cache::new(LIMITS);
    let id = cache.create(0, &rows(2));
    assert_ne!(id, NO_SESSION);
    cache.goes_on(1, id, 1);
    let again = cache.begin(1, &request(id, 1, &[], &[]));
    assert_eq!(again, Err(ErrorCode::InvalidFetchSessionEpoch));
    cache.goes_on(2, id, 2);
    let by_id = cache
        .sessions
        .begin(at(2), LIMITS, 13, &request(id, 3, &[], &[]));
    assert_eq!(by_id, Err(ErrorCode::FetchSessionTopicIdError));
    let other = cache.begin(2, &request(id ^ 1, 3, &[], &[]));
    assert_eq!(other, Err(ErrorCode::FetchSessionIdNotFound));
    let end = cache.begin(2, &request(id, -1, &[], &[]));
    assert_eq!(end, Ok(Context::Sessionless));
    assert_eq!(cache.sessions.len(), 0);
    let gone = cache.begin(2, &request(id, 3, &[], &[]));
    assert_eq!(gone, Err(ErrorCode::FetchSessionIdNotFound));
}

#[test]
fn a_session_without_partitions_ends() {
    let mut cache = Cache::new(LIMITS);
    let id = cache.create(0, &rows(2));
    let context = cache.begin(0, &request(id, 1, &[], &[0, 1, 5]));
    assert_eq!(context, Ok(Context::Sessionless));
    assert_eq!(cache.sessions.len(), 0);
}

#[test]
fn epochs_begin_anew_with_one() {
    assert_eq!(next_epoch(1), 2);
    assert_eq!(next_epoch(i32::MAX), 1);
}

#[test]
fn a_session_is_kept_while_it_is_used_and_for_two_minutes() {
    let mut cache = Cache::new(LIMITS);
    let ids = [(); 3].map(|()| cache.create(0, &rows(2)));
    cache.goes_on(60, ids[0], 1);
    cache.goes_on(60, ids[2], 1);
    assert_eq!(cache.create(120, &rows(9)), NO_SESSION, "all were used");
    assert_ne!(cache.create(121, &rows(1)), NO_SESSION);
    assert!(cache.sessions.get(ids[1]).is_none(), "not used for longest");
    assert_eq!(cache.sessions.evictions(), 1);
    assert_eq!(cache.sessions.take_outdated().last(), ids.iter().max());
}

#[test]
fn an_old_session_goes_for_one_of_more_partitions_and_no_other() {
    let mut cache = Cache::new(LIMITS);
    let ids = [4, 3, 5].map(|count| cache.create(0, &rows(count)));
    cache.goes_on(100, ids[1], 1);
    assert_eq!(cache.create(100, &rows(9)), NO_SESSION, "young ones stay");
    for id in ids {
        let epoch = cache.sessions.get(id).unwrap().epoch;
        cache.goes_on(121, id, epoch);
    }
    assert_eq!(cache.create(122, &rows(3)), NO_SESSION, "not larger");
    assert_ne!(cache.create(122, &rows(4)), NO_SESSION);
    assert!(cache.sessions.get(ids[1]).is_none(), "the smallest");
    assert_eq!(cache.sessions.len(), 3);
}

#[test]
fn without_slots_there_is_no_session() {
    let mut cache = Cache::new(Limits { slots: 0, ..LIMITS });
    assert_eq!(cache.create(0, &rows(2)), NO_SESSION);
}

#[test]
fn ten_thousand_clients_of_ten_thousand_partitions_take_no_more_than_is_allowed() {
    let limits = Limits {
        slots: 1_000,
        bytes: 16 << 20,
    };
    let mut cache = Cache::new(limits);
    let rows = rows(10_000);
    // In the order in which they come, and as often as it takes for the first to be stale.
    let given = (0..200)
        .filter(|at| cache.create(*at, &rows) != NO_SESSION)
        .count();
    assert!((10..100).contains(&given), "{given}");
    assert!(cache.sessions.bytes <= limits.bytes);
    assert!(cache.sessions.evictions() > 0, "those that are not used go");
}

#[test]
fn one_session_takes_a_part_of_the_memory_at_most_also_by_growing() {
    let mut cache = Cache::new(LIMITS);
    let too_many = i32::try_from(LIMITS.bytes / SHARES / bytes_of(&rows(1))).unwrap() + 1;
    assert_eq!(cache.create(0, &rows(too_many)), NO_SESSION);
    let id = cache.create(0, &rows(too_many - 1));
    assert_ne!(id, NO_SESSION);
    let one_more = cache.begin(0, &request(id, 1, &[asked(too_many, 0)], &[]));
    assert_eq!(one_more, Err(ErrorCode::FetchSessionIdNotFound));
    assert_eq!((cache.sessions.len(), cache.sessions.bytes), (0, 0));
}

#[test]
fn a_waiting_fetch_of_a_session_that_went_on_or_ended_is_outdated() {
    let mut cache = Cache::new(LIMITS);
    let id = cache.create(0, &rows(1));
    let first = cache.begin(0, &request(id, 1, &[], &[])).unwrap();
    assert_eq!(cache.sessions.outdated(first), None);
    cache.sessions.take_outdated();
    let second = cache.begin(0, &request(id, 2, &[], &[])).unwrap();
    let error = Some(ErrorCode::InvalidFetchSessionEpoch);
    assert_eq!(cache.sessions.outdated(first), error);
    assert_eq!(cache.sessions.take_outdated(), BTreeSet::from([id]));
    cache.begin(0, &request(id, 0, &[], &[])).unwrap();
    let error = Some(ErrorCode::FetchSessionIdNotFound);
    assert_eq!(cache.sessions.outdated(second), error);
    assert_eq!(cache.sessions.outdated(Context::Full), None);
}

fn order(session: &Session) -> Vec<(i32, i64)> {
    let asked = session.asked();
    asked
        .map(|(_, asked)| (asked.partition, asked.fetch_offset))
        .collect()
}

#[test]
fn a_request_adds_moves_and_forgets_partitions() {
    let mut twice = rows(3);
    twice.push(row("t", 1));
    twice[3].0.partition.fetch_offset = 5;
    let mut session = Session::new(false, &twice);
    assert_eq!(order(&session), [(0, 0), (1, 5), (2, 0)]);
    let changes = [asked(4, 1), asked(2, 9), asked(4, 2), asked(6, 0)];
    session.update(&request(1, 1, &changes, &[0, 6]));
    assert_eq!(order(&session), [(1, 5), (2, 9), (4, 2)]);
}

fn told(session: &mut Session, answers: Vec<FetchPartitionResponse>) -> Vec<i32> {
    let asked = order(session).into_iter().zip(answers);
    let rows = asked.map(|((index, _), mut answer)| {
        answer.partition = index;
        (row("t", index).0, answer)
    });
    let told = session.tell(rows.collect());
    told.iter().map(|(_, answer)| answer.partition).collect()
}

#[test]
fn an_answer_holds_what_the_client_does_not_know() {
    let mut session = Session::new(false, &rows(2));
    let same = || answer(0, 7);
    assert!(told(&mut session, vec![same(), same()]).is_empty());
    assert_eq!(told(&mut session, vec![same(), answer(0, 8)]), [1]);
    assert!(told(&mut session, vec![same(), answer(0, 8)]).is_empty());
    let (mut stable, mut start) = (same(), answer(0, 8));
    stable.last_stable_offset = 3;
    start.log_start = 2;
    assert_eq!(
        told(&mut session, vec![stable.clone(), start.clone()]),
        [0, 1]
    );
    let failed = FetchPartitionResponse::failed(0, ErrorCode::KafkaStorageError);
    for _ in 0..2 {
        let answers = vec![stable.clone(), failed.clone()];
        assert_eq!(told(&mut session, answers), [1], "an error each time");
    }
    let answers = vec![stable.clone(), start.clone()];
    assert_eq!(told(&mut session, answers), [1], "and that it is over");
    assert!(told(&mut session, vec![stable, start]).is_empty());
}

#[test]
fn partitions_that_got_records_are_served_last_the_next_time() {
    let mut session = Session::new(false, &rows(3));
    let mut records = answer(0, 7);
    records.records = vec![bytes::Bytes::from_static(b"records")];
    let answers = vec![records.clone(), answer(0, 7), records];
    assert_eq!(told(&mut session, answers), [0, 2]);
    assert_eq!(order(&session), [(1, 0), (0, 0), (2, 0)]);
}
