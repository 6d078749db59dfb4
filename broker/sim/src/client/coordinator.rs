//! A simulated client that asks for a group's coordinator until there is one, which makes the topic
//! of the groups' offsets. It joins no group.

use std::time::Duration;

use kafka_protocol::messages::FindCoordinatorRequest;
use kafka_protocol::protocol::StrBytes;
use kring_io::{BrokerId, Instant};

use super::{Client, ClientEvent, ClientOutput, codec};

/// Version of the requests.
const VERSION: i16 = 4;
/// Time between tries.
const PATIENCE: Duration = Duration::from_millis(500);

/// The client.
#[derive(Debug)]
pub struct Coordinator {
    group: String,
    brokers: Vec<BrokerId>,
    tries: usize,
    try_at: Instant,
    done: bool,
}

impl Coordinator {
    /// Looks for the coordinator of a group.
    #[must_use]
    pub fn new(group: &str, brokers: Vec<BrokerId>) -> Coordinator {
        Coordinator {
            group: group.to_owned(),
            brokers,
            tries: 0,
            try_at: Instant(0),
            done: false,
        }
    }
}

impl Client for Coordinator {
    fn step(&mut self, now: Instant, event: ClientEvent, out: &mut ClientOutput) {
        if let ClientEvent::Answer(answer) = event {
            let response = codec::answer::<FindCoordinatorRequest>(VERSION, &answer);
            let found = response.and_then(|mut response| response.coordinators.pop());
            self.done |= found.is_some_and(|found| found.error_code == 0);
        }
        if self.done {
            return;
        }
        if self.try_at <= now {
            let group = StrBytes::from_string(self.group.clone());
            let request = FindCoordinatorRequest::default()
                .with_key_type(0)
                .with_coordinator_keys(vec![group]);
            let broker = self.brokers[self.tries % self.brokers.len()];
            self.tries += 1;
            let correlation = i32::try_from(self.tries).expect("a run has few tries");
            out.sends
                .push((broker, codec::frame(correlation, VERSION, &request)));
            self.try_at = now + PATIENCE;
        }
        out.wake_at = Some(self.try_at);
    }

    fn finish(&mut self) {}

    fn is_idle(&self) -> bool {
        self.done
    }
}
