//! Requests to the brokers' admin API, and what becomes of them when the broker dies meanwhile.
//! The engine answers them.

use std::time::Duration;

use futures::channel::oneshot;
use kring_admin_client::{Call, Endpoint, Error, Reply};

use super::{Cloud, Crash, Due, Question};
use crate::admin_http;

/// How long a broker may take to answer before the operator's HTTP client gives up.
const ADMIN_PATIENCE: Duration = Duration::from_secs(5);

impl Cloud {
    pub(super) fn admin_call(
        &mut self,
        number: u64,
        endpoint: Endpoint,
        call: &Call,
        sender: oneshot::Sender<Result<Reply, Error>>,
    ) {
        if !self.processes.contains_key(&number) {
            return;
        }
        let order = (call.path.clone(), call.body.clone());
        if admin_http::changes(call) && self.last_order.as_ref() != Some(&order) {
            self.last_order = Some(order);
            self.counts.orders += 1;
            let now = self.now();
            tracing::info!(at_ms = now.0 / 1_000_000, number, path = %call.path, body = %String::from_utf8_lossy(&call.body), "order");
            if self.crash == Some(Crash::LateOrder(self.counts.orders)) {
                self.crash = None;
                let delay = Duration::from_millis(500 + self.random.below(15_000));
                self.later(now + delay, Due::LateOrder(number, endpoint, call.clone()));
                let pause = Duration::from_millis(self.random.below(1_000));
                return self.start_after(pause);
            }
        }
        self.ask_broker(number, endpoint, call, Some(sender));
    }

    /// Puts a call to a broker's engine, if the broker can be reached.
    pub(super) fn ask_broker(
        &mut self,
        number: u64,
        endpoint: Endpoint,
        call: &Call,
        sender: Option<oneshot::Sender<Result<Reply, Error>>>,
    ) {
        let now = self.now();
        let host = endpoint.address.split(':').next().unwrap_or_default();
        let broker = self.kubelet.at(host);
        let life = broker.and_then(|broker| {
            let machine = self.world.machine(broker)?;
            machine.is_up().then(|| machine.life())
        });
        let (Some(broker), Some(life)) = (broker, life) else {
            let refused = unreachable(&endpoint, "connection refused");
            return self.later(
                now + Duration::from_millis(1),
                Due::AdminAnswer(number, Err(refused), sender),
            );
        };
        let request = match admin_http::request(call) {
            Ok(request) => request,
            Err(reply) => {
                return self.later(now, Due::AdminAnswer(number, Ok(reply), sender));
            }
        };
        self.questions_asked += 1;
        let question = Question {
            process: number,
            endpoint,
            broker,
            life,
            until: now + ADMIN_PATIENCE,
            sender,
        };
        self.questions.insert(self.questions_asked, question);
        self.world.ask(broker, self.questions_asked, request);
        self.take_answers();
    }

    pub(super) fn take_answers(&mut self) {
        for (id, answer) in self.world.take_answers() {
            let Some(question) = self.questions.remove(&id) else {
                continue;
            };
            let at = self.now() + Duration::from_micros(300 + self.random.below(3_000));
            let reply = admin_http::reply(answer);
            self.later(
                at,
                Due::AdminAnswer(question.process, Ok(reply), question.sender),
            );
        }
    }

    /// Questions whose broker died or which took too long.
    pub(super) fn give_up_questions(&mut self) {
        let now = self.now();
        let lost: Vec<u64> = self
            .questions
            .iter()
            .filter_map(|(id, question)| {
                let lives = self
                    .world
                    .machine(question.broker)
                    .is_some_and(|m| m.is_up() && m.life() == question.life);
                (!lives || question.until <= now).then_some(*id)
            })
            .collect();
        for id in lost {
            let question = self.questions.remove(&id).expect("it was just listed");
            let refused = unreachable(&question.endpoint, "no answer");
            self.later(
                now,
                Due::AdminAnswer(question.process, Err(refused), question.sender),
            );
        }
    }
}

fn unreachable(endpoint: &Endpoint, why: &str) -> Error {
    Error::Unreachable {
        broker: endpoint.broker,
        address: endpoint.address.clone(),
        why: why.to_owned(),
    }
}
