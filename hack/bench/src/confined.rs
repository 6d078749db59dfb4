//! A broker in a control group that holds its memory down, as a pod's limit does: it takes records, gives them back, and lives.
//! The group itself is `memory_limit.rs`.

use std::time::Duration;

use crate::batch::Batch;
use crate::broker::{self, Kind, Places};
use crate::compare::{Extent, Figures};
use crate::consume::{self, Consuming};
use crate::metric::Metric;
use crate::produce::{self, Producing};
use crate::scenario::Scenario;
use crate::{call, usage};

const TOPIC: &str = "confined";
const READ_BYTES_MAX: i32 = 1 << 20;

/// One broker, one load on all partitions, and all of it read once.
pub(crate) fn turn(
    scenario: &Scenario,
    places: &Places,
    extent: Extent,
    batch: &Batch,
) -> Result<Figures, String> {
    let broker = broker::start(Kind::Kring, places)?;
    let mut admin = call::connect(broker.address, Duration::from_secs(10))?;
    call::create_topic(&mut admin, TOPIC, scenario.partitions, scenario.topic)?;
    let partitions: Vec<i32> = (0..scenario.partitions).collect();
    let load = Producing {
        time_max: Duration::from_secs(120),
        ..scenario.producing(extent)
    };
    let killed = |error| format!("{error}; was the broker killed for its memory?");
    let produced = produce::run(broker.address, TOPIC, &partitions, batch, load).map_err(killed)?;
    let read = Consuming {
        partitions: scenario.partitions,
        consumers: 1,
        fetch_bytes_max: READ_BYTES_MAX,
        payload_bytes_max: produced.payload_bytes,
        time_max: Duration::from_secs(120),
    };
    let consumed = consume::run(broker.address, TOPIC, batch, read).map_err(killed)?;
    let peak_bytes = usage::peak_memory_bytes(broker.pid)?;
    let seconds = produced.elapsed.as_secs_f64();
    Ok(Figures::from([
        (
            Metric::MbPerSecond,
            produced.payload_bytes as f64 / 1e6 / seconds,
        ),
        (
            Metric::ReadMbPerSecond,
            consumed.payload_bytes as f64 / 1e6 / consumed.elapsed.as_secs_f64(),
        ),
        (Metric::PeakMemoryMb, peak_bytes as f64 / 1e6),
    ]))
}
