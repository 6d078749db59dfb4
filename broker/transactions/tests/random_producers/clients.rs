//! Producers as Kafka's clients are: they try again what may pass, and begin anew when they are fenced.
//! They do not know each other, but some share a transactional id.

use std::collections::{BTreeMap, BTreeSet};

use kring_transactions::{
    AddPartitions, EndTransaction, InitProducer, TransactionRequest, TransactionResponse,
    TransactionVersion,
};
use kring_wire::ErrorCode;

use super::leaders::{Leader, PARTITIONS};

/// The one topic.
pub(crate) const TOPIC: &str = "t";
/// How long a transaction may be open.
pub(crate) const TIMEOUT_MS: i32 = 60_000;

/// What is known of all transactions, by number.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    next_number: u64,
    pub(crate) next_producer_id: i64,
    next_incarnation: u64,
    /// The outcome that a client asked for.
    pub(crate) asked: BTreeMap<u64, bool>,
    /// The outcome that a client was told.
    pub(crate) told: BTreeMap<u64, bool>,
    /// Who was given a producer id and an epoch.
    holders: BTreeMap<(i64, i16), u64>,
}

#[derive(Clone, Debug)]
struct Transaction {
    number: u64,
    partitions: BTreeSet<i32>,
    /// The outcome, once that is asked for.
    end: Option<bool>,
}

#[derive(Clone, Debug)]
pub(crate) struct Client {
    name: &'static str,
    version: TransactionVersion,
    incarnation: u64,
    producer: Option<(i64, i16)>,
    /// Goes on as the producer it was, under another epoch.
    goes_on: bool,
    transaction: Option<Transaction>,
    pub(crate) waits: Option<u64>,
}

impl Ledger {
    fn fresh_producer_id(&mut self) -> i64 {
        self.next_producer_id += 1;
        self.next_producer_id
    }

    fn give(&mut self, producer: (i64, i16), incarnation: u64) {
        let holder = *self.holders.entry(producer).or_insert(incarnation);
        assert_eq!(holder, incarnation, "{producer:?} was given to two");
    }
}

/// What a client does next.
pub(crate) enum Next {
    Nothing,
    Ask(TransactionRequest),
}

impl Client {
    pub(crate) fn new(
        name: &'static str,
        version: TransactionVersion,
        ledger: &mut Ledger,
    ) -> Client {
        let mut client = Client {
            name,
            version,
            incarnation: 0,
            producer: None,
            goes_on: false,
            transaction: None,
            waits: None,
        };
        client.begin_anew(ledger);
        client
    }

    /// It forgets everything; answers under way are not heard.
    pub(crate) fn begin_anew(&mut self, ledger: &mut Ledger) {
        ledger.next_incarnation += 1;
        self.incarnation = ledger.next_incarnation;
        self.producer = None;
        self.goes_on = false;
        self.transaction = None;
        self.waits = None;
    }

    /// The next thing it does; `choice` is one of eight.
    pub(crate) fn next(
        &mut self,
        choice: u8,
        leaders: &mut BTreeMap<i32, Leader>,
        ledger: &mut Ledger,
    ) -> Next {
        if self.waits.is_some() {
            return Next::Nothing;
        }
        let Some(producer) = self.producer.filter(|_| !self.goes_on) else {
            return Next::Ask(self.init(ledger));
        };
        match &mut self.transaction {
            None if choice == 7 => {
                self.goes_on = true;
                Next::Ask(self.init(ledger))
            }
            None if choice == 6 && self.version == TransactionVersion::V2 => {
                // An abort without knowing whether there is a transaction.
                self.transaction = Some(Transaction {
                    number: u64::MAX,
                    partitions: BTreeSet::new(),
                    end: Some(false),
                });
                Next::Ask(self.end(producer, false, ledger))
            }
            None => {
                ledger.next_number += 1;
                self.transaction = Some(Transaction {
                    number: ledger.next_number,
                    partitions: BTreeSet::new(),
                    end: None,
                });
                Next::Ask(self.add(producer, choice))
            }
            Some(Transaction {
                end: Some(commit), ..
            }) => {
                let commit = *commit;
                Next::Ask(self.end(producer, commit, ledger))
            }
            Some(transaction) => match choice {
                _ if transaction.partitions.is_empty() => Next::Ask(self.add(producer, choice)),
                0 => {
                    let more = transaction.partitions.len() as u8;
                    Next::Ask(self.add(producer, more))
                }
                1..=3 => {
                    let number = transaction.number;
                    let raises_epoch = self.version == TransactionVersion::V2;
                    let partitions = transaction.partitions.clone();
                    for partition in partitions {
                        let leader = leaders.entry(partition).or_default();
                        if leader.produce(producer, number, raises_epoch).is_err() {
                            self.begin_anew(ledger);
                            break;
                        }
                    }
                    Next::Nothing
                }
                _ => {
                    let commit = choice != 4;
                    transaction.end = Some(commit);
                    ledger.asked.insert(transaction.number, commit);
                    Next::Ask(self.end(producer, commit, ledger))
                }
            },
        }
    }

    fn init(&self, ledger: &mut Ledger) -> TransactionRequest {
        let (producer_id, producer_epoch) = self.producer.unwrap_or((-1, -1));
        TransactionRequest::Init(InitProducer {
            transactional_id: self.name.to_owned(),
            timeout_ms: TIMEOUT_MS,
            producer_id,
            producer_epoch,
            fresh_producer_id: ledger.fresh_producer_id(),
        })
    }

    fn add(&self, producer: (i64, i16), choice: u8) -> TransactionRequest {
        let partition = i32::from(choice) % PARTITIONS;
        TransactionRequest::Add(AddPartitions {
            transactional_id: self.name.to_owned(),
            producer_id: producer.0,
            producer_epoch: producer.1,
            topics: vec![(TOPIC.to_owned(), vec![partition])],
            client_version: self.version,
        })
    }

    fn end(&self, producer: (i64, i16), commit: bool, ledger: &mut Ledger) -> TransactionRequest {
        let mut end = EndTransaction {
            transactional_id: self.name.to_owned(),
            producer_id: producer.0,
            producer_epoch: producer.1,
            commit,
            client_version: self.version,
            fresh_producer_id: None,
        };
        if end.may_need_producer_id() {
            end.fresh_producer_id = Some(ledger.fresh_producer_id());
        }
        TransactionRequest::End(end)
    }

    /// The answer to what it waited for.
    pub(crate) fn hear(&mut self, response: TransactionResponse, ledger: &mut Ledger) {
        self.waits = None;
        match response {
            TransactionResponse::Init(outcome) => {
                if self.goes_on_after(outcome.error, ledger) {
                    let producer = (outcome.producer_id, outcome.producer_epoch);
                    ledger.give(producer, self.incarnation);
                    self.producer = Some(producer);
                    self.goes_on = false;
                }
            }
            TransactionResponse::Add(outcome) => {
                for (partition, error) in &outcome.topics[0].1 {
                    if self.goes_on_after(*error, ledger)
                        && let Some(transaction) = &mut self.transaction
                    {
                        transaction.partitions.insert(*partition);
                    }
                }
            }
            TransactionResponse::End(outcome) => {
                if self.goes_on_after(outcome.error, ledger) {
                    self.ended((outcome.producer_id, outcome.producer_epoch), ledger);
                }
            }
            TransactionResponse::Describe(_) => panic!("no client asks for this"),
        }
    }

    fn ended(&mut self, producer: (i64, i16), ledger: &mut Ledger) {
        let transaction = self
            .transaction
            .take()
            .expect("a client ends what it began");
        let commit = transaction.end.expect("the end was asked for");
        ledger.told.insert(transaction.number, commit);
        if self.version == TransactionVersion::V2 {
            assert_ne!(Some(producer), self.producer, "each end raises the epoch");
            ledger.give(producer, self.incarnation);
            self.producer = Some(producer);
        }
    }

    /// Whether it worked; a fenced producer begins anew.
    fn goes_on_after(&mut self, error: ErrorCode, ledger: &mut Ledger) -> bool {
        match error {
            ErrorCode::None => true,
            ErrorCode::ConcurrentTransactions
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::NotCoordinator => false,
            ErrorCode::ProducerFenced | ErrorCode::InvalidProducerIdMapping => {
                self.begin_anew(ledger);
                false
            }
            other => panic!("{self:?} is told {other}"),
        }
    }
}
