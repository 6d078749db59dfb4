//! The orderly end of a broker: leaders are handed over, then the log is flushed and marked clean.
//! It ends the process only by saying that it may end.

use std::time::Duration;

use kring_controller::{ControllerRequest, ControllerResponse};
use kring_io::{Instant, Now};

use crate::broker::Broker;
use crate::event::Output;

/// Pause between two looks at how many leaders are left.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// How far the end is.
#[derive(Debug, Default)]
pub(crate) enum Shutdown {
    /// Not asked for.
    #[default]
    Running,
    /// Leaders are being handed over.
    HandingOver {
        /// When patience ends.
        deadline: Instant,
        /// When to ask again; none while an answer is awaited.
        ask_at: Option<Instant>,
    },
    /// The log is being flushed.
    Flushing,
}

impl Shutdown {
    /// When something is to be done.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        match self {
            Shutdown::HandingOver { deadline, ask_at } => Some(ask_at.unwrap_or(*deadline)),
            Shutdown::Running | Shutdown::Flushing => None,
        }
    }

    /// Whether the end was asked for.
    pub(crate) fn is_under_way(&self) -> bool {
        !matches!(self, Shutdown::Running)
    }
}

/// Begins the end. A second request changes nothing.
pub(crate) fn begin(broker: &mut Broker, now: Now, out: &mut Output) {
    if broker.shutdown.is_under_way() {
        return;
    }
    let patience = Duration::from_millis(broker.config.controlled_shutdown_timeout_ms);
    tracing::info!(
        leaders = broker.replicas.led().count(),
        coordinators = broker.coordinators.serving_groups(),
        "shutdown: handing the leaders over"
    );
    broker.shutdown = Shutdown::HandingOver {
        deadline: now.mono + patience,
        ask_at: Some(now.mono),
    };
    tick(broker, now, out);
}

/// Takes the next step of the end when it is due.
pub(crate) fn tick(broker: &mut Broker, now: Now, out: &mut Output) {
    let Shutdown::HandingOver { deadline, ask_at } = broker.shutdown else {
        return;
    };
    if !broker.log.recovered() {
        // Nothing was served in this run, so that nothing has to be handed over or flushed.
        out.stopped = true;
        broker.shutdown = Shutdown::Flushing;
    } else if !broker.opened || deadline <= now.mono {
        flush(broker, now, out);
    } else if ask_at.is_some_and(|at| at <= now.mono) {
        broker.shutdown = Shutdown::HandingOver {
            deadline,
            ask_at: None,
        };
        ask(broker, now, deadline, out);
    }
}

fn ask(broker: &mut Broker, now: Now, deadline: Instant, out: &mut Output) {
    let id = broker.id();
    broker.ask_controller(
        now,
        ControllerRequest::ControlledShutdown { broker: id },
        Box::new(move |broker, now, answered, out| {
            if !matches!(broker.shutdown, Shutdown::HandingOver { .. }) {
                return;
            }
            let remaining = match answered {
                Ok(ControllerResponse::ControlledShutdown { remaining_leaders }) => {
                    Some(remaining_leaders)
                }
                Ok(_) => None,
                Err(error) => {
                    tracing::warn!(%error, "shutdown: no answer to the hand-over");
                    None
                }
            };
            if remaining == Some(0) {
                flush(broker, now, out);
            } else {
                broker.shutdown = Shutdown::HandingOver {
                    deadline,
                    ask_at: Some(now.mono + ASK_AGAIN),
                };
            }
        }),
        out,
    );
}

fn flush(broker: &mut Broker, now: Now, out: &mut Output) {
    tracing::info!(
        leaders = broker.replicas.led().count(),
        "shutdown: flushing the log"
    );
    broker.shutdown = Shutdown::Flushing;
    broker.log.shutdown(now, &mut out.effects);
}
