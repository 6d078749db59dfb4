//! `hostile`: frames that no client means, and thousands of idle connections, at a broker with a healthy client.
//! The client is measured alone and beside them in turn; the broker's memory must not grow with what it refuses.

mod attack;
mod crowd;
mod frames;
mod healthy;
mod process;
mod source;

use std::collections::BTreeMap;
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use attack::{Attack, Order};
use crowd::{Crowd, Left};
use healthy::{Healthy, Phase, Seen};

use crate::broker::{ADMIN_PORT, Broker, CLIENT_PORT, PEER_PORT};
use crate::client::admin;
use crate::closing::Closing;
use crate::patience::Patience;
use crate::run::Run;
use crate::{interrupt, network};

/// Time within which the broker must be ready, and each answer of set-up be there.
const WITHIN: Duration = Duration::from_secs(30);
/// The healthy client's topic, and the one that hostile frames name.
const TOPIC: &str = "healthy";
const HOSTILE_TOPIC: &str = "hostile";
/// Hostile frames before anything is measured, so that what is kept once is kept already.
const WARM_UP_PERCENT: u64 = 5;
/// How long the client is measured alone in each round.
const ALONE_MIN: Duration = Duration::from_secs(5);
const ALONE_MAX: Duration = Duration::from_secs(15);
/// How long the broker has to give back what it held.
const SETTLE: Duration = Duration::from_secs(3);
/// Memory that the broker may have more at the end than before.
const GROWTH_MAX_KIB: u64 = 64 << 10;
/// Memory of a connection that brings nothing.
const CONNECTION_MAX_KIB: u64 = 20;
/// A difference below this is the machine's.
const NOISE_US: u64 = 5_000;

/// What `hostile` is asked for.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Asked {
    /// Hostile frames in all.
    #[arg(long, default_value_t = 2_000_000)]
    frames: u64,
    /// Hostile frames per second.
    #[arg(long, default_value_t = 20_000)]
    rate: u64,
    /// How often the client is measured alone and then beside the frames.
    #[arg(long, default_value_t = 4)]
    rounds: u64,
    /// Idle and trickling connections.
    #[arg(long, default_value_t = 15_000)]
    connections: usize,
    /// How long they are held.
    #[arg(long, default_value_t = 60)]
    hold_seconds: u64,
    /// Times the client's p99 alone that its p99 beside them may be, by the medians of windows.
    #[arg(long, default_value_t = 2)]
    p99_times_max: u64,
}

/// What the broker held, in KiB.
#[derive(Debug, Default)]
struct Memory {
    /// Before anything.
    start: u64,
    /// Beside the connections of the warm-up.
    held: u64,
    /// Before what is judged.
    before: u64,
    /// After the hostile frames.
    frames: u64,
    /// After the connections.
    after: u64,
}

/// Attacks and measures.
///
/// # Errors
/// When the system refuses something, or the run is interrupted.
pub(crate) fn run(run: &Run, asked: Asked) -> Result<Closing, String> {
    process::allow_descriptors(asked.connections)?;
    network::make(1)?;
    let sources = network::more_clients(source::ADDRESSES)?;
    let mut broker = start(run, asked.connections)?;
    let pid = broker.pid().ok_or("the broker is not running")?;
    let address = network::socket(0, CLIENT_PORT);
    for topic in [TOPIC, HOSTILE_TOPIC] {
        admin::create_topic(&[address], topic, 1, &[], WITHIN)?;
    }
    let order = Order {
        clients: address,
        peers: network::socket(0, PEER_PORT),
        admin: network::socket(0, ADMIN_PORT),
        topic: HOSTILE_TOPIC,
        rate: asked.rate.max(1),
        seed: run.seed,
        sources: &sources,
    };
    let mut attack = Attack::default();
    let mut memory = warm_up(pid, &order, asked, &mut attack)?;

    let healthy = Healthy::begin(address, TOPIC)?;
    let refused_before = refused(&broker)?;
    let each = asked.frames / asked.rounds.max(1);
    let alone = Duration::from_millis(1_000 * each / order.rate).clamp(ALONE_MIN, ALONE_MAX);
    let cpu = process::Cpu::of(pid)?;
    for _ in 0..asked.rounds {
        wait(&healthy, Phase::Alone, alone)?;
        healthy.is_in(Phase::BesideFrames);
        attack.run(&order, each)?;
        healthy.is_in(Phase::Between);
        sleep(SETTLE);
    }
    let cpu_percent = cpu.percent_since()?;
    memory.frames = process::resident_kib(pid)?;
    let refused = refused(&broker)? - refused_before;

    wait(&healthy, Phase::AloneAgain, alone)?;
    healthy.is_in(Phase::BesideConnections);
    let mut crowd = Crowd::gather(address, &sources, asked.connections)?;
    crowd.hold(Duration::from_secs(asked.hold_seconds))?;
    healthy.is_in(Phase::Between);
    let crowd = crowd.leave();
    sleep(SETTLE);
    wait(&healthy, Phase::AloneAgain, alone)?;
    memory.after = process::resident_kib(pid)?;

    let mut closing = Closing::new("hostile");
    let ended = broker.ended();
    closing.require(ended.is_none(), || format!("the broker ended: {ended:?}"));
    let seen = healthy.end();
    closing.violations.extend(seen.complaints.iter().cloned());
    judge_frames(&mut attack, refused, &mut closing);
    judge_times(&seen, asked.p99_times_max, &mut closing);
    judge_connections(&crowd, asked.connections, &mut closing);
    judge_memory(&memory, asked.connections, &mut closing);
    closing.figure("acked", seen.acknowledged);
    closing.figure("lost", seen.lost);
    closing.figure("log_kib", broker.log_bytes() >> 10);
    closing.figure("broker_cpu_percent", cpu_percent.0);
    closing.figure("generator_cpu_percent", cpu_percent.1);
    Ok(closing)
}

/// Some of everything, so that what a broker keeps once is kept before it is measured: the
/// allocator gives the system nothing back of what connections had, and uses it again.
fn warm_up(
    pid: u32,
    order: &Order<'_>,
    asked: Asked,
    attack: &mut Attack,
) -> Result<Memory, String> {
    attack.run(order, asked.frames * WARM_UP_PERCENT / 100)?;
    sleep(SETTLE);
    let start = process::resident_kib(pid)?;
    let crowd = Crowd::gather(order.clients, order.sources, asked.connections)?;
    sleep(SETTLE);
    let held = process::resident_kib(pid)?;
    attack.complaints.extend(crowd.leave().complaints);
    sleep(SETTLE);
    Ok(Memory {
        start,
        held,
        before: process::resident_kib(pid)?,
        ..Memory::default()
    })
}

fn judge_frames(attack: &mut Attack, refused: u64, closing: &mut Closing) {
    closing.violations.append(&mut attack.complaints);
    closing.figure("frames", attack.frames.values().sum());
    closing.figure("refused", refused);
    closing.figure("answered", attack.answered);
    closing.figure("cut_off", attack.cut_off);
    closing.list("kinds", &attack.frames);
    let sent = |kind: &&str| attack.frames.get(*kind).is_some_and(|count| *count > 0);
    closing.require(frames::kinds().all(|kind| sent(&kind)), || {
        format!("a kind of frames was not sent: {:?}", attack.frames)
    });
    closing.require(refused > 0, || "the broker refused nothing".to_owned());
}

fn judge_connections(crowd: &Left, asked: usize, closing: &mut Closing) {
    closing.violations.extend(crowd.complaints.iter().cloned());
    closing.figure("connections", crowd.held);
    closing.figure("reopened", crowd.reopened);
    closing.require(crowd.held >= asked as u64, || {
        format!("{} of {asked} connections were held", crowd.held)
    });
}

fn judge_memory(memory: &Memory, connections: usize, closing: &mut Closing) {
    let Memory {
        start,
        held,
        before,
        frames,
        after,
    } = memory;
    closing.figure("rss_start_kib", *start);
    closing.figure("rss_before_kib", *before);
    closing.figure("rss_frames_kib", *frames);
    closing.figure("rss_after_kib", *after);
    for (what, kib) in [("hostile frames", frames), ("connections", after)] {
        if *kib > before + GROWTH_MAX_KIB {
            closing.violations.push(format!(
                "the broker had {before} KiB before and {kib} KiB after {what}, {GROWTH_MAX_KIB} KiB more are allowed"
            ));
        }
    }
    let each_kib = held.saturating_sub(*start) / (connections as u64).max(1);
    closing.figure("connection_kib", each_kib);
    if each_kib > CONNECTION_MAX_KIB {
        closing.violations.push(format!(
            "a connection that brings nothing took {each_kib} KiB, {CONNECTION_MAX_KIB} KiB are allowed"
        ));
    }
}

/// Whether the client was as fast beside strangers as alone.
fn judge_times(seen: &Seen, times_max: u64, closing: &mut Closing) {
    let frames = (Phase::Alone, Phase::BesideFrames);
    let connections = (Phase::AloneAgain, Phase::BesideConnections);
    type P99 = fn(&Seen, Phase) -> u64;
    let pairs: [(&str, _, P99); 4] = [
        ("", frames, Seen::write_p99_us),
        ("read_", frames, Seen::read_p99_us),
        ("connections_", connections, Seen::write_p99_us),
        ("connections_read_", connections, Seen::read_p99_us),
    ];
    for (name, (alone, beside), p99_us) in pairs {
        let (alone, beside) = (p99_us(seen, alone), p99_us(seen, beside));
        closing.require(alone > 0 && beside > 0, || {
            "the healthy client was not measured".to_owned()
        });
        closing.figure(&format!("{name}p99_before_us"), alone);
        closing.figure(&format!("{name}p99_during_us"), beside);
        if beside > times_max * alone && beside > alone + NOISE_US {
            closing.violations.push(format!(
                "the healthy client's p99 ({name}) was {alone} µs alone and {beside} µs beside strangers, more than {times_max} times as much"
            ));
        }
    }
}

fn start(run: &Run, connections: usize) -> Result<Broker, String> {
    let dir = run.folder.join("broker-0");
    let mut broker = Broker::new(0, 1, &run.broker, &dir, &dir.join("data"))?;
    let token = dir.join("admin-token");
    fs::write(&token, "the token of a run with hostile frames")
        .map_err(|e| format!("{}: {e}", token.display()))?;
    let connections = (connections + 1_000).to_string();
    for (name, value) in [
        ("KRING_DEFAULT_REPLICATION_FACTOR", "1"),
        ("KRING_MIN_INSYNC_REPLICAS", "1"),
        (
            "KRING_ADMIN_LISTENER",
            &network::socket(0, ADMIN_PORT).to_string(),
        ),
        ("KRING_ADMIN_TOKEN_FILE", &token.display().to_string()),
        ("KRING_MAX_CONNECTIONS", &connections),
        ("KRING_MAX_CONNECTIONS_PER_IP", &connections),
    ] {
        broker.set(name, value);
    }
    broker.start()?;
    let patience = Patience::new(WITHIN);
    while !broker.is_ready() {
        interrupt::check()?;
        if broker.ended().is_some() || patience.is_over() {
            return Err(format!("the broker is not ready: {}", broker.last_words()));
        }
        sleep(Duration::from_millis(10));
    }
    Ok(broker)
}

/// Measures the client for a while.
fn wait(healthy: &Healthy, phase: Phase, time: Duration) -> Result<(), String> {
    healthy.is_in(phase);
    let begun = Instant::now();
    while begun.elapsed() < time {
        interrupt::check()?;
        sleep(Duration::from_millis(50));
    }
    healthy.is_in(Phase::Between);
    Ok(())
}

/// What the broker counts as refused.
fn refused(broker: &Broker) -> Result<u64, String> {
    let (_, metrics) = broker
        .get("/metrics")
        .map_err(|e| format!("metrics: {e}"))?;
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("kring_refused_requests_total "));
    line.and_then(|value| value.trim().parse().ok())
        .ok_or_else(|| "the metrics have no kring_refused_requests_total".to_owned())
}

/// Counts by name.
type Counts = BTreeMap<&'static str, u64>;
