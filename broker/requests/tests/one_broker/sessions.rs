//! Fetch sessions as a client uses them: what is left out is what the client knows.
//! Which sessions are kept is tested beside the cache itself.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    DeleteRecordsRequest, DeleteTopicsRequest, FetchRequest, FetchResponse, MetadataRequest,
    ProduceRequest, TopicName,
};
use kring_io::Random;
use uuid::Uuid;

use crate::fetch::request;
use crate::harness::{OneBroker, batch, config, text, values};
use crate::produce::produce;
use crate::topics::create;

/// A partition as a client of one version names it: the id is zero where it uses names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    name: String,
    id: Uuid,
    index: i32,
}

/// What a client knows of a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct View {
    error: i16,
    high_watermark: i64,
    last_stable_offset: i64,
    log_start: i64,
    records: Vec<String>,
}

impl View {
    fn of(data: &PartitionData) -> View {
        View {
            error: data.error_code,
            high_watermark: data.high_watermark,
            last_stable_offset: data.last_stable_offset,
            log_start: data.log_start_offset,
            records: data.records.as_ref().map_or(Vec::new(), values),
        }
    }
}

/// A client that reads with a session.
struct Client {
    version: i16,
    max_bytes: i32,
    session_id: i32,
    epoch: i32,
    wants: BTreeMap<Key, i64>,
    sent: BTreeMap<Key, i64>,
    view: BTreeMap<Key, View>,
    /// Partitions that answers named.
    told: usize,
}

impl Client {
    fn new(version: i16) -> Client {
        Client {
            version,
            max_bytes: 1 << 20,
            session_id: 0,
            epoch: 0,
            wants: BTreeMap::new(),
            sent: BTreeMap::new(),
            view: BTreeMap::new(),
            told: 0,
        }
    }

    fn key(&self, one: &mut OneBroker, name: &str, index: i32) -> Key {
        let id = if self.version >= 13 {
            // Of a topic that is not there, an id that no topic has.
            let none = Uuid::from_u128(u128::from(name.as_bytes()[0]));
            topic_id(one, name).unwrap_or(none)
        } else {
            Uuid::nil()
        };
        let name = name.to_owned();
        Key { name, id, index }
    }

    fn topic(&self, key: &Key) -> (TopicName, Uuid) {
        if self.version >= 13 {
            (TopicName::default(), key.id)
        } else {
            (TopicName(text(&key.name)), Uuid::nil())
        }
    }

    fn request(&self, partitions: &BTreeMap<Key, i64>) -> FetchRequest {
        let topics = partitions.iter().map(|(key, offset)| {
            let (topic, id) = self.topic(key);
            let partition = FetchPartition::default()
                .with_partition(key.index)
                .with_fetch_offset(*offset)
                .with_current_leader_epoch(-1)
                .with_last_fetched_epoch(-1)
                .with_partition_max_bytes(1 << 20);
            FetchTopic::default()
                .with_topic(topic)
                .with_topic_id(id)
                .with_partitions(vec![partition])
        });
        FetchRequest::default()
            .with_max_bytes(self.max_bytes)
            .with_session_epoch(-1)
            .with_topics(topics.collect())
    }

    fn next_request(&self) -> FetchRequest {
        let mut changes = self.wants.clone();
        if self.epoch > 0 {
            changes.retain(|key, offset| self.sent.get(key) != Some(offset));
        }
        let left = self.sent.keys().filter(|key| !self.wants.contains_key(key));
        let forgotten = left.map(|key| {
            let (topic, id) = self.topic(key);
            ForgottenTopic::default()
                .with_topic(topic)
                .with_topic_id(id)
                .with_partitions(vec![key.index])
        });
        let forgotten = if self.epoch > 0 {
            forgotten.collect()
        } else {
            Vec::new()
        };
        self.request(&changes)
            .with_session_id(self.session_id)
            .with_session_epoch(self.epoch)
            .with_forgotten_topics_data(forgotten)
    }

    /// Fetches once, and says what went wrong with the request as a whole.
    fn fetch(&mut self, one: &mut OneBroker) -> i16 {
        let answer = one.ask(self.version, &self.next_request());
        self.take(&answer);
        answer.error_code
    }

    fn take(&mut self, answer: &FetchResponse) {
        if answer.error_code != 0 {
            self.epoch = 0;
            return;
        }
        let begins = self.epoch == 0;
        self.session_id = answer.session_id;
        self.epoch = if answer.session_id == 0 {
            0
        } else {
            self.epoch + 1
        };
        self.sent = self.wants.clone();
        let wants = &self.wants;
        self.view
            .retain(|key, _| !begins && wants.contains_key(key));
        for view in self.view.values_mut() {
            view.records.clear();
        }
        for (topic, data) in rows(answer) {
            let named = |key: &&Key| self.topic(key) == topic && key.index == data.partition_index;
            let key = self.wants.keys().find(named).unwrap().clone();
            self.view.insert(key, View::of(data));
            self.told += 1;
        }
    }

    /// What one whole request gives.
    fn whole_view(&self, one: &mut OneBroker) -> BTreeMap<Key, View> {
        let answer = one.ask(self.version, &self.request(&self.wants));
        let rows = rows(&answer);
        let view = self.wants.keys().zip(rows);
        view.map(|(key, (_, data))| (key.clone(), View::of(data)))
            .collect()
    }

    /// Reads on behind what came.
    fn advance(&mut self) {
        for (key, view) in &self.view {
            let offset = self.wants.get_mut(key).unwrap();
            *offset += i64::try_from(view.records.len()).unwrap();
        }
    }
}

fn rows(answer: &FetchResponse) -> Vec<((TopicName, Uuid), &PartitionData)> {
    let topics = answer.responses.iter();
    topics
        .flat_map(|topic| {
            let partitions = topic.partitions.iter();
            partitions.map(|data| ((topic.topic.clone(), topic.topic_id), data))
        })
        .collect()
}

fn topic_id(one: &mut OneBroker, name: &str) -> Option<Uuid> {
    let all = MetadataRequest::default().with_topics(None);
    let answer = one.ask(12, &all);
    let mut topics = answer.topics.iter();
    let named = topics.find(|topic| topic.name.as_ref().unwrap().0.as_str() == name);
    named.map(|topic| topic.topic_id)
}

fn produce_to(one: &mut OneBroker, name: &str, index: i32, records: Bytes) {
    let partition = PartitionProduceData::default()
        .with_index(index)
        .with_records(Some(records));
    let topic = TopicProduceData::default()
        .with_name(TopicName(text(name)))
        .with_partition_data(vec![partition]);
    let request = ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(1_000)
        .with_topic_data(vec![topic]);
    one.ask(9, &request);
}

fn delete_records(one: &mut OneBroker, name: &str, index: i32, before: i64) {
    let partition = DeleteRecordsPartition::default()
        .with_partition_index(index)
        .with_offset(before);
    let topic = DeleteRecordsTopic::default()
        .with_name(TopicName(text(name)))
        .with_partitions(vec![partition]);
    let request = DeleteRecordsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(1_000);
    one.ask(2, &request);
}

fn delete_topic(one: &mut OneBroker, name: &str) {
    let request = DeleteTopicsRequest::default()
        .with_topic_names(vec![TopicName(text(name))])
        .with_timeout_ms(1_000);
    one.ask(5, &request);
}

const TOPICS: [&str; 3] = ["a", "b", "c"];
const PARTITIONS: u64 = 4;

fn pick(random: &mut Random, count: u64) -> i32 {
    i32::try_from(random.below(count)).unwrap()
}

/// Something happens to a random partition, or to what the client wants of it.
fn change(one: &mut OneBroker, client: &mut Client, random: &mut Random) {
    let name = TOPICS[random.below(3) as usize];
    // One more than there are.
    let index = pick(random, PARTITIONS + 1);
    match random.below(32) {
        0..8 => {
            let count = 1 + random.below(3) as usize;
            produce_to(one, name, index, batch(&["x", "y", "z"][..count]));
        }
        8..10 => delete_records(one, name, index, -1),
        10 => delete_records(one, name, index, i64::from(pick(random, 20))),
        11 => {
            delete_topic(one, name);
            if random.below(2) == 0 {
                let count = i32::try_from(PARTITIONS).unwrap();
                create(one, name, count, &[]);
            }
        }
        12 if topic_id(one, name).is_none() => {
            create(one, name, i32::try_from(PARTITIONS).unwrap(), &[]);
        }
        13..20 => {
            let key = client.key(one, name, index);
            let offset = i64::from(pick(random, 12)) - 1;
            client.wants.insert(key, offset);
        }
        20..23 => {
            let count = client.wants.len() as u64;
            if count > 1 {
                let at = random.below(count) as usize;
                let key = client.wants.keys().nth(at).unwrap().clone();
                client.wants.remove(&key);
            }
        }
        23 => client.epoch = 0,
        // Nothing: the next answer is short.
        _ => {}
    }
    one.run_for(Duration::from_millis(20));
}

#[test]
fn a_client_that_applies_the_answers_sees_what_whole_requests_give() {
    for seed in 0..24 {
        let mut random = Random::new(seed);
        let mut one = OneBroker::new();
        for name in TOPICS {
            create(&mut one, name, i32::try_from(PARTITIONS).unwrap(), &[]);
        }
        let version = i16::try_from(7 + random.below(12)).unwrap();
        let mut client = Client::new(version);
        let first = client.key(&mut one, "a", 0);
        client.wants.insert(first, 0);
        let mut whole = 0;
        for step in 0..60 {
            change(&mut one, &mut client, &mut random);
            assert_eq!(client.fetch(&mut one), 0, "seed {seed}, step {step}");
            assert_ne!(client.session_id, 0);
            let view = client.whole_view(&mut one);
            assert_eq!(client.view, view, "seed {seed}, step {step}, v{version}");
            whole += view.len();
            client.advance();
        }
        assert!(client.told < whole, "something was left out");
        assert_eq!(one.metrics().fetch_sessions, 1);
    }
}

#[test]
fn a_session_is_read_in_every_version_that_has_sessions() {
    for version in 7..=18 {
        let mut one = OneBroker::new();
        create(&mut one, "t", 2, &[]);
        produce(&mut one, "t", -1, batch(&["a"]));
        let mut client = Client::new(version);
        for index in 0..2 {
            let key = client.key(&mut one, "t", index);
            client.wants.insert(key, 0);
        }
        assert_eq!(client.fetch(&mut one), 0);
        assert_eq!(client.told, 2, "the first answer has all");
        client.advance();
        assert_eq!(client.fetch(&mut one), 0);
        assert_eq!(client.told, 2, "nothing is new");
        produce_to(&mut one, "t", 1, batch(&["b"]));
        assert_eq!(client.fetch(&mut one), 0);
        let last = client.view.last_entry().unwrap().get().clone();
        assert_eq!((client.told, last.records), (3, vec!["b".to_owned()]));
        let metrics = one.metrics();
        assert_eq!(
            (metrics.fetch_sessions, metrics.fetch_session_partitions),
            (1, 2)
        );
    }
}

#[test]
fn a_session_is_refused_by_another_epoch_another_id_and_another_kind_of_names() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    let begin = one.ask(
        12,
        &request("t", 0).with_session_epoch(0).with_max_wait_ms(0),
    );
    let id = begin.session_id;
    assert_eq!(begin.error_code, 0);
    assert!(id > 0);
    let goes_on = |epoch| {
        FetchRequest::default()
            .with_session_id(id)
            .with_session_epoch(epoch)
    };
    for epoch in [2, 7, -2] {
        let answer = one.ask(12, &goes_on(epoch));
        assert_eq!(answer.error_code, 71, "INVALID_FETCH_SESSION_EPOCH");
    }
    let other = one.ask(12, &goes_on(1).with_session_id(id ^ 1));
    assert_eq!(other.error_code, 70, "FETCH_SESSION_ID_NOT_FOUND");
    let by_id = one.ask(13, &goes_on(1));
    assert_eq!(by_id.error_code, 106, "FETCH_SESSION_TOPIC_ID_ERROR");
    assert_eq!(one.ask(12, &goes_on(1)).session_id, id);
    let ends = one.ask(12, &request("t", 0).with_session_id(id).with_max_wait_ms(0));
    assert_eq!((ends.error_code, ends.session_id), (0, 0));
    assert_eq!(one.ask(12, &goes_on(2)).error_code, 70);
    assert_eq!(one.metrics().fetch_sessions, 0);
}

#[test]
fn a_fetch_of_a_session_waits_and_gives_way_to_the_next() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    let begin = request("t", 0).with_session_epoch(0).with_max_wait_ms(0);
    let id = one.ask(12, &begin).session_id;
    let goes_on = |epoch| {
        FetchRequest::default()
            .with_session_id(id)
            .with_session_epoch(epoch)
            .with_min_bytes(1)
            .with_max_bytes(1 << 20)
            .with_max_wait_ms(500)
    };
    let first = one.send(12, &goes_on(1));
    one.run_for(Duration::from_millis(100));
    assert!(!one.answered(first));
    let second = one.send(12, &goes_on(2));
    let first = one.receive::<FetchRequest>(12, first);
    assert_eq!(first.error_code, 71, "the client has gone on");
    assert!(!one.answered(second));
    produce(&mut one, "t", -1, batch(&["a"]));
    assert!(one.answered(second), "woken with the high watermark");
    let second = one.receive::<FetchRequest>(12, second);
    assert_eq!(rows(&second).len(), 1);
    // The offset has not moved, so the records are there again.
    let third = one.ask(12, &goes_on(3));
    assert_eq!(rows(&third).len(), 1);
    let waits = goes_on(4).with_topics(request("t", 1).topics);
    let fourth = one.send(12, &waits);
    one.run_for(Duration::from_millis(499));
    assert!(!one.answered(fourth));
    one.run_for(Duration::from_millis(2));
    let fourth = one.receive::<FetchRequest>(12, fourth);
    assert_eq!((fourth.error_code, rows(&fourth).len()), (0, 0));
}

#[test]
fn the_room_of_an_answer_goes_round_the_partitions_of_a_session() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 6, &[]);
    let value = "x".repeat(1_000);
    let mut client = Client::new(12);
    client.max_bytes = 2_500;
    for index in 0..6 {
        for _ in 0..3 {
            produce_to(&mut one, "t", index, batch(&[&value]));
        }
        let key = client.key(&mut one, "t", index);
        client.wants.insert(key, 0);
    }
    // Two batches find room in each; eighteen are there.
    for _ in 0..6 {
        assert_eq!(client.fetch(&mut one), 0);
        client.advance();
    }
    let offsets: Vec<i64> = client.wants.values().copied().collect();
    assert!(offsets.iter().all(|offset| *offset > 0), "{offsets:?}");
}

#[test]
fn a_client_for_which_there_is_no_room_reads_with_whole_requests() {
    let mut config = config();
    config.max_incremental_fetch_session_cache_slots = 1;
    let mut one = OneBroker::with(config);
    create(&mut one, "t", 1, &[]);
    produce(&mut one, "t", -1, batch(&["a"]));
    let begin = request("t", 0).with_session_epoch(0);
    assert_ne!(one.ask(12, &begin).session_id, 0);
    let second = one.ask(12, &begin);
    assert_eq!((second.error_code, second.session_id), (0, 0));
    assert_eq!(rows(&second).len(), 1);
    one.run_for(Duration::from_secs(121));
    assert_ne!(one.ask(12, &begin).session_id, 0, "the first was not used");
    assert_eq!(one.metrics().fetch_session_evictions, 1);
}
