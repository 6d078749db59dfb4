//! How much time is between two faults, and how long a cut of the network lasts.
//! It draws none; `draw` does.

/// Time between two faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// At least, in milliseconds.
    pub gap_min_ms: u64,
    /// Up to so much more, in milliseconds.
    pub gap_more_ms: u64,
    /// Three of four cuts of the network heal by themselves within so many milliseconds; none: they last until
    /// something else heals them.
    pub cut_max_ms: Option<u64>,
}

impl Pace {
    /// Fault upon fault: the cluster is seldom whole.
    pub const STORM: Pace = Pace {
        gap_min_ms: 300,
        gap_more_ms: 4_000,
        cut_max_ms: None,
    };
    /// Faults that the cluster has mostly got over before the next.
    pub const STEADY: Pace = Pace {
        gap_min_ms: 1_000,
        gap_more_ms: 20_000,
        cut_max_ms: Some(15_000),
    };
    /// Long quiet times.
    pub const CALM: Pace = Pace {
        gap_min_ms: 10_000,
        gap_more_ms: 60_000,
        cut_max_ms: Some(40_000),
    };
}
