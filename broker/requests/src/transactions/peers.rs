//! Questions of leaders to the coordinator of a transaction, here or on another broker.
//! It holds no state of a transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kring_io::{BrokerId, Instant, Now};
use kring_transactions::TransactionResponse;
use kring_wire::ErrorCode;

use super::guards::guard;
use super::message::{Message, Run, Topics};
use crate::broker::Broker;
use crate::calls::Done;
use crate::event::Output;
use crate::route::coordinators::Kind;
use crate::route::peers::send_transactions;

pub(crate) use super::message::Question;

/// How long another broker is waited for. A client that is told to try again does so.
const PATIENCE: Duration = Duration::from_secs(2);

/// Questions to other brokers at most.
const OPEN_MAX: usize = 100_000;

/// What the coordinator said of each partition.
pub(crate) type Asked = BTreeMap<(String, i32), ErrorCode>;

struct Open {
    topics: Topics,
    deadline: Instant,
    done: Done<Asked>,
}

/// Questions to other brokers that have no answer yet.
#[derive(Default)]
pub(crate) struct Questions {
    next: u64,
    open: BTreeMap<u64, Open>,
    by_deadline: BTreeSet<(Instant, u64)>,
}

impl Questions {
    /// When the next one has waited too long.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.by_deadline.first().map(|(at, _)| *at)
    }

    fn take(&mut self, id: u64) -> Option<Open> {
        let open = self.open.remove(&id)?;
        self.by_deadline.remove(&(open.deadline, id));
        Some(open)
    }
}

fn all(topics: &Topics, error: ErrorCode) -> Asked {
    let each = topics
        .iter()
        .flat_map(|(topic, partitions)| partitions.iter().map(|p| (topic.clone(), *p)));
    each.map(|key| (key, error)).collect()
}

/// Asks the coordinator, wherever it is. `done` gets the answer once, after two seconds at the latest unless the
/// coordinator is this broker, which keeps a time of its own. An answer that an end has overtaken is
/// `CONCURRENT_TRANSACTIONS`.
pub(crate) fn ask(
    broker: &mut Broker,
    now: Now,
    question: Question,
    done: Done<Asked>,
    out: &mut Output,
) {
    let done = guard(broker, &question, done);
    let tp = broker.coordinator_of(Kind::Transactions, &question.transactional_id);
    let leader = tp.and_then(|tp| broker.image().partition(tp)?.leader);
    let own = broker.id();
    match leader {
        Some(leader) if leader == own => {
            let request = question.request();
            let done: Done<TransactionResponse> = Box::new(move |broker, now, response, out| {
                done(broker, now, errors(response), out)
            });
            broker.ask_transactions(now, request, done, out);
        }
        Some(leader) if broker.questions.open.len() < OPEN_MAX => {
            let deadline = now.mono + PATIENCE;
            broker.questions.next += 1;
            let id = broker.questions.next;
            broker.questions.by_deadline.insert((deadline, id));
            let open = Open {
                topics: question.topics.clone(),
                deadline,
                done,
            };
            broker.questions.open.insert(id, open);
            let run = broker.identity.incarnation;
            let message = Message::Ask { run, id, question };
            send_transactions(leader, message.encode(), out);
        }
        _ => {
            let asked = all(&question.topics, ErrorCode::CoordinatorNotAvailable);
            done(broker, now, asked, out);
        }
    }
}

/// Answers what has waited too long.
pub(crate) fn expire(broker: &mut Broker, now: Now, out: &mut Output) {
    while let Some((deadline, id)) = broker.questions.by_deadline.first().copied()
        && deadline <= now.mono
    {
        let open = broker.questions.take(id).expect("it is in both maps");
        let asked = all(&open.topics, ErrorCode::CoordinatorNotAvailable);
        (open.done)(broker, now, asked, out);
    }
}

/// Another broker asks.
pub(super) fn asked(
    broker: &mut Broker,
    now: Now,
    from: BrokerId,
    run: Run,
    id: u64,
    question: Question,
    out: &mut Output,
) {
    let answer = move |_: &mut Broker, _: Now, response: TransactionResponse, out: &mut Output| {
        let topics = match response {
            TransactionResponse::Add(outcome) => outcome
                .topics
                .into_iter()
                .map(|(topic, partitions)| {
                    let codes = partitions.into_iter().map(|(p, error)| (p, error.code()));
                    (topic, codes.collect())
                })
                .collect(),
            _ => Vec::new(),
        };
        let message = Message::Answer { run, id, topics };
        send_transactions(from, message.encode(), out);
    };
    broker.ask_transactions(now, question.request(), Box::new(answer), out);
}

/// Another broker answers.
pub(super) fn answered(
    broker: &mut Broker,
    now: Now,
    run: Run,
    id: u64,
    topics: &[(String, Vec<(i32, i16)>)],
    out: &mut Output,
) {
    if run != broker.identity.incarnation {
        return;
    }
    let Some(open) = broker.questions.take(id) else {
        return;
    };
    // What was asked and is not in the answer is not known.
    let mut asked = all(&open.topics, ErrorCode::CoordinatorNotAvailable);
    for (topic, partitions) in topics {
        for (partition, code) in partitions {
            let error = ErrorCode::from_code(*code).unwrap_or(ErrorCode::UnknownServerError);
            asked.insert((topic.clone(), *partition), error);
        }
    }
    (open.done)(broker, now, asked, out);
}

fn errors(response: TransactionResponse) -> Asked {
    let TransactionResponse::Add(outcome) = response else {
        tracing::error!(
            ?response,
            "the transaction engine answered another question"
        );
        return Asked::new();
    };
    let each = outcome.topics.into_iter().flat_map(|(topic, partitions)| {
        partitions
            .into_iter()
            .map(move |(partition, error)| ((topic.clone(), partition), error))
    });
    each.collect()
}
