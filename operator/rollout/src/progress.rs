//! Times and the line people read.
//! The machine's decisions do not depend on what is here, except on how long a phase lasts.

use kring_crds::kafka_cluster::{Grant, Phase, PhaseTime, RolloutStatus};
use kring_crds::{MicroTime, Timestamp};

/// Milliseconds since the grant entered its phase; never negative, clocks may step back.
pub(crate) fn elapsed_ms(grant: &Grant, now: Timestamp) -> i64 {
    (now.as_millisecond() - grant.since.0.as_millisecond()).max(0)
}

/// Adds the time of the phase that ends.
pub(crate) fn record_time(grant: &mut Grant, now: Timestamp) {
    let milliseconds = elapsed_ms(grant, now);
    match grant
        .times
        .iter_mut()
        .find(|time| time.phase == grant.phase)
    {
        Some(time) => time.milliseconds += milliseconds,
        None => grant.times.push(PhaseTime {
            phase: grant.phase,
            milliseconds,
        }),
    }
    grant.since = MicroTime(now);
}

/// `1/3: 2 Drain`, `1/3: 2 PreCheck (WaitingForISR)`, or `3/3` at the end.
pub(crate) fn line(status: &RolloutStatus) -> String {
    let count = format!("{}/{}", status.done, status.total);
    match &status.grant {
        None => count,
        Some(Grant {
            broker,
            phase,
            waiting: Some(reason),
            ..
        }) => {
            format!("{count}: {broker} {} ({reason})", phase.as_str())
        }
        Some(Grant { broker, phase, .. }) => format!("{count}: {broker} {}", phase.as_str()),
    }
}

/// A new grant, at its first phase.
pub(crate) fn new_grant(broker: i32, now: Timestamp) -> Grant {
    Grant {
        broker,
        phase: Phase::PreCheck,
        since: MicroTime(now),
        waiting: None,
        message: None,
        old_boot_id: None,
        disk_id: None,
        was_down: false,
        times: Vec::new(),
    }
}
