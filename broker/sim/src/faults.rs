//! Which faults a run has and when, drawn from its seed.
//! It decides; the world carries them out.

use std::time::Duration;

use kring_io::{BrokerId, Instant, Random};

/// Something bad.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// These brokers lose power at once; each starts again after its time.
    PowerLoss(Vec<(BrokerId, Duration)>),
    /// One broker reaches nobody and is reached by nobody.
    Isolate(BrokerId),
    /// One broker is not heard by another, but hears it.
    Deafen {
        /// Whose messages are lost.
        from: BrokerId,
        /// Who does not hear them.
        to: BrokerId,
    },
    /// Every partition of the network ends.
    Heal,
    /// A process stands still, then goes on.
    Pause(BrokerId, Duration),
}

/// Counts of the faults that were carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts {
    /// Brokers that lost power.
    pub power_losses: u64,
    /// Times that all brokers lost it at once.
    pub blackouts: u64,
    /// Partitions of the network.
    pub partitions: u64,
    /// Pauses.
    pub pauses: u64,
}

/// The faults of a run from `from` to `until`, in the order of time.
#[must_use]
pub fn draw(
    seed: u64,
    brokers: &[BrokerId],
    from: Instant,
    until: Instant,
) -> Vec<(Instant, Fault)> {
    let mut random = Random::new(seed);
    let mut faults = Vec::new();
    let mut at = from;
    loop {
        at = at + Duration::from_millis(300 + random.below(4_000));
        if at >= until {
            return faults;
        }
        let broker = brokers[random.below(brokers.len() as u64) as usize];
        let other = brokers[random.below(brokers.len() as u64) as usize];
        let fault = match random.below(10) {
            0..=2 => Fault::PowerLoss(vec![(broker, down_time(&mut random))]),
            3 => Fault::PowerLoss(
                brokers
                    .iter()
                    .map(|b| (*b, down_time(&mut random)))
                    .collect(),
            ),
            4 | 5 => Fault::Isolate(broker),
            6 if other != broker => Fault::Deafen {
                from: broker,
                to: other,
            },
            7 => Fault::Pause(broker, Duration::from_millis(50 + random.below(6_000))),
            _ => Fault::Heal,
        };
        faults.push((at, fault));
    }
}

fn down_time(random: &mut Random) -> Duration {
    Duration::from_millis(100 + random.below(6_000))
}
