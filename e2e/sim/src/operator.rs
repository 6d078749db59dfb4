//! One process of the operator: its runtime, its clock and the reconcile that is under way.
//! It runs only when it is given a turn, and does not see time pass between two turns.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::Poll;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kring_io::Instant;
use kring_reconcile::{Context, Error, Options, cluster};
use kring_sim::machine;
use kube::api::{ObjectMeta, PartialObjectMetaExt};

use crate::port::{Asked, Port};

/// Polls of a turn: enough for a request to go through kube's client and its task, and back.
const POLLS: usize = 12;

type Round = Pin<Box<dyn Future<Output = Result<Option<Duration>, Error>> + Send>>;

/// How a round ended: when the next one begins at the latest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) next_in: Option<Duration>,
    pub(crate) error: Option<String>,
}

/// A process.
pub(crate) struct Operator {
    round: Option<Round>,
    context: Arc<Context>,
    port: Port,
    wall_ms: Arc<AtomicI64>,
    seen: Instant,
    runtime: tokio::runtime::Runtime,
}

impl Operator {
    /// A process that starts now.
    pub(crate) fn start(name: &str, now: Instant) -> Operator {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime without I/O needs nothing of the system");
        let port = Port::default();
        let wall_ms = Arc::new(AtomicI64::new(0));
        let context = {
            // kube's client starts a task.
            let _inside = runtime.enter();
            let transport = Arc::new(port.clone());
            let clock = Arc::clone(&wall_ms);
            Context::new(
                port.client(),
                transport,
                Options::default(),
                name.to_owned(),
            )
            .with_clock(Arc::new(move || {
                Timestamp::from_millisecond(clock.load(Ordering::Relaxed))
                    .expect("simulated time is within the calendar")
            }))
        };
        Operator {
            round: None,
            context: Arc::new(context),
            port,
            wall_ms,
            seen: now,
            runtime,
        }
    }

    /// Whether a reconcile is under way.
    pub(crate) fn is_busy(&self) -> bool {
        self.round.is_some()
    }

    /// Begins a reconcile; the next turn runs it.
    pub(crate) fn begin(&mut self, namespace: &str, name: &str) {
        let metadata = ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        };
        let seen = Arc::new(metadata.into_response_partial());
        let round = cluster::reconcile_paced(seen, Arc::clone(&self.context));
        self.round = Some(Box::pin(round));
    }

    /// Runs until only answers are missing; says how the reconcile ended, if it did.
    pub(crate) fn turn(&mut self, now: Instant) -> (Vec<Asked>, Option<Ended>) {
        self.wall_ms
            .store(machine::now(now).wall_ms, Ordering::Relaxed);
        let passed = now.since(self.seen);
        self.seen = now;
        let Some(round) = &mut self.round else {
            return (Vec::new(), None);
        };
        let ended = self.runtime.block_on(async {
            tokio::time::advance(passed).await;
            for _ in 0..POLLS {
                if let Poll::Ready(ended) = futures::poll!(round.as_mut()) {
                    return Some(ended);
                }
                tokio::task::yield_now().await;
            }
            None
        });
        let ended = ended.map(|ended| {
            self.round = None;
            match ended {
                Ok(next_in) => Ended {
                    next_in,
                    error: None,
                },
                Err(error) => Ended {
                    next_in: Some(error.retry_after()),
                    error: Some(error.to_string()),
                },
            }
        });
        (self.port.take(), ended)
    }
}
