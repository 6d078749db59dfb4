//! Requests to the API server: read, refused, carried out, answered, or cut short by a crash.
//! How an object changes is the API server's business.

use std::time::Duration;

use futures::channel::oneshot;
use hyper::Method;
use kring_io::BrokerId;
use kring_reconcile::fake_kubernetes::Answer;
use serde_json::{Value, json};

use super::{Cloud, Crash, Due};
use crate::api_server::{ApiServer, PODS};
use crate::port::ApiCall;

impl Cloud {
    pub(super) fn api_call(&mut self, number: u64, call: ApiCall, sender: oneshot::Sender<Answer>) {
        if !self.processes.contains_key(&number) {
            return;
        }
        let now = self.now();
        if self.one_in(self.trouble.refused_one_in) {
            self.counts.refused += 1;
            return self.answer_api(number, refusal(503, "ServiceUnavailable"), sender);
        }
        if call.method == Method::GET {
            let lag = self.processes[&number].lag;
            let answer = self.api.read(now, lag, &call);
            return self.answer_api(number, answer, sender);
        }
        let is_status = call.path.ends_with("/status");
        if is_status && self.one_in(self.trouble.conflict_one_in) {
            self.touches += 1;
            let touches = self.touches.to_string();
            self.api.annotate("example.com/touched", &touches);
            self.notify();
        }
        let counted = self.counts.writes + u64::from(self.would_change(&call));
        let at_point = counted > self.counts.writes;
        match self.crash {
            Some(Crash::Before(at)) if at_point && at == counted => {
                self.crash = None;
                return self.kill(number);
            }
            Some(Crash::Late(at)) if at_point && at == counted => {
                self.crash = None;
                let delay = Duration::from_millis(500 + self.random.below(15_000));
                self.later(now + delay, Due::Late(number, call));
                let pause = Duration::from_millis(self.random.below(1_000));
                return self.start_after(pause);
            }
            _ => {}
        }
        let answer = self.apply(number, &call);
        self.counts.conflicts += u64::from(is_status && answer.0 == 409);
        match self.crash {
            Some(Crash::After(at)) if at_point && at == self.counts.writes => {
                self.crash = None;
                return self.kill(number);
            }
            Some(Crash::Every(every)) if at_point && self.counts.writes.is_multiple_of(every) => {
                return self.kill(number);
            }
            _ => {}
        }
        if self.one_in(self.trouble.lost_answer_one_in) {
            self.counts.lost_answers += 1;
            return self.answer_api(number, refusal(504, "Timeout"), sender);
        }
        self.answer_api(number, answer, sender);
    }

    fn would_change(&self, call: &ApiCall) -> bool {
        if self.crash.is_none() {
            return true;
        }
        let mut store = self.api.store.clone();
        let before = store.version();
        ApiServer::answer(&mut store, call);
        store.version() != before
    }

    /// Carries a write out.
    pub(super) fn apply(&mut self, number: u64, call: &ApiCall) -> Answer {
        let now = self.now();
        let is_secret = call.path.contains("/secrets");
        let line = format!(
            "{} {} {}",
            call.method,
            call.path,
            if is_secret { &Value::Null } else { &call.body }
        );
        self.trace.add(now, 22, number as i64, line.as_bytes());
        if call.method == Method::DELETE && call.path.starts_with(PODS) {
            self.before_deletion(call);
        }
        let before = self.api.store.version();
        let answer = ApiServer::answer(&mut self.api.store, call);
        if self.api.store.version() == before {
            return answer;
        }
        tracing::info!(at_ms = now.0 / 1_000_000, number, status = answer.0, method = %call.method, path = %call.path, "write");
        self.counts.writes += 1;
        if number < self.youngest_writer {
            let fact = format!(
                "operator {number} wrote {} {} after operator {} had begun to write",
                call.method, call.path, self.youngest_writer
            );
            self.promises.broken("one operator acts", now, fact);
        }
        self.youngest_writer = self.youngest_writer.max(number);
        self.notify();
        answer
    }

    fn before_deletion(&mut self, call: &ApiCall) {
        let Some(pod) = self.api.store.objects.get(&call.path) else {
            return;
        };
        let uid = &call.body["preconditions"]["uid"];
        let is_other = !uid.is_null() && *uid != pod["metadata"]["uid"];
        let is_terminating = !pod["metadata"]["deletionTimestamp"].is_null();
        let id = pod["metadata"]["labels"]["kring.io/broker-id"]
            .as_str()
            .and_then(|id| id.parse().ok());
        if let Some(id) = id
            && !is_other
            && !is_terminating
        {
            let now = self.now();
            self.promises
                .at_deletion(now, BrokerId(id), &mut self.world, &self.api);
        }
    }

    fn answer_api(&mut self, number: u64, answer: Answer, sender: oneshot::Sender<Answer>) {
        let at = self.now() + Duration::from_micros(300 + self.random.below(3_000));
        self.later(at, Due::ApiAnswer(number, answer, sender));
    }
}

fn refusal(code: u16, reason: &str) -> Answer {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": reason, "reason": reason, "code": code,
    });
    (code, body)
}
