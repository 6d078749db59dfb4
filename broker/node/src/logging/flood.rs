//! Leaves out lines of a kind that comes too often: whoever sends nonsense must neither fill the disk that logs go
//! to nor make threads wait for it. It formats nothing.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Lines of one kind (one place in the source) in a second.
const LINES_MAX: u32 = 100;
const SECOND: Duration = Duration::from_secs(1);
/// Time between two lines that say how many were left out.
const TELL_EACH: Duration = Duration::from_secs(10);

/// Lines that were left out and not yet told.
static LEFT_OUT: AtomicU64 = AtomicU64::new(0);

/// Lets the first lines of each kind in each second pass.
#[derive(Debug, Default)]
pub(super) struct FloodGate {
    kinds: Mutex<HashMap<Identifier, Kind>>,
}

#[derive(Debug)]
struct Kind {
    since: Instant,
    lines: u32,
}

impl FloodGate {
    fn passes(&self, kind: Identifier, now: Instant) -> bool {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = kinds.entry(kind).or_insert(Kind {
            since: now,
            lines: 0,
        });
        if now.saturating_duration_since(kind.since) >= SECOND {
            kind.since = now;
            kind.lines = 0;
        }
        kind.lines = kind.lines.saturating_add(1);
        kind.lines <= LINES_MAX
    }
}

impl<S: Subscriber> Layer<S> for FloodGate {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let about = event.metadata();
        // Whoever asks for more than information wants all of it.
        if *about.level() > Level::INFO || self.passes(about.callsite(), Instant::now()) {
            return true;
        }
        LEFT_OUT.fetch_add(1, Ordering::Relaxed);
        false
    }
}

/// Says now and then how many lines were left out, for ever.
pub(crate) async fn tell_left_out() {
    loop {
        tokio::time::sleep(TELL_EACH).await;
        let lines = LEFT_OUT.swap(0, Ordering::Relaxed);
        if lines > 0 {
            tracing::warn!(
                lines,
                "lines were left out: one kind came more than {LINES_MAX} times in a second"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Count(Arc<AtomicU64>);

    impl<S: Subscriber> Layer<S> for Count {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn one_kind_of_line_is_left_out_and_another_is_not() {
        let count = Count::default();
        let lines = tracing_subscriber::registry()
            .with(count.clone())
            .with(FloodGate::default());
        tracing::subscriber::with_default(lines, || {
            for n in 0..10 * LINES_MAX {
                tracing::warn!(n, "a stranger");
            }
            tracing::warn!("somebody else");
        });
        let seen = count.0.load(Ordering::Relaxed);
        // A second may end in between, so that twice as many pass.
        assert!((101..=301).contains(&seen), "{seen}");
        assert!(LEFT_OUT.load(Ordering::Relaxed) >= 700);
    }

    #[test]
    fn a_kind_passes_again_in_the_next_second() {
        let gate = FloodGate::default();
        let kind = Identifier(&KIND);
        let now = Instant::now();
        let passed = (0..200).filter(|_| gate.passes(kind.clone(), now));
        assert_eq!(passed.count(), 100);
        assert!(gate.passes(kind, now + SECOND));
    }

    struct Place;
    static KIND: Place = Place;

    impl tracing::Callsite for Place {
        fn set_interest(&self, _: tracing::subscriber::Interest) {}
        fn metadata(&self) -> &tracing::Metadata<'_> {
            unreachable!("nobody asks a place for its words here")
        }
    }
}
