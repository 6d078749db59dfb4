//! The two brokers as processes: started in a folder, on one processor or all, stopped by their ids.
//! Apache Kafka is started by `e2e/kafka/start`, which fetches it; Kring by its binary.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::call;
use crate::memory_limit::{MemoryLimit, budget};

/// Which broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Kring,
    /// Kring without io_uring.
    Posix,
    Kafka,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Kring => "kring",
            Kind::Posix => "kring-posix",
            Kind::Kafka => "kafka",
        }
    }
}

/// Where programs and data are.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub(crate) kring: PathBuf,
    /// The folder with `start` and `stop`.
    pub(crate) kafka: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) kring_port: u16,
    /// Brokers on processor 1, this process on processor 0.
    pub(crate) pinned: bool,
    /// Only Kring, and at which rate, in requests a second, a load at a rate goes.
    pub(crate) alone: Option<f64>,
    /// How much memory a broker that is started here may take, with the page cache of its files.
    pub(crate) memory_bytes_max: Option<u64>,
}

impl Places {
    /// Where another Kring may stand at the same time.
    pub(crate) fn beside(&self) -> Result<Places, String> {
        let folder = self.folder.join("rival");
        fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        Ok(Places {
            folder,
            kring_port: self.kring_port + RIVAL_PORT_DISTANCE,
            ..self.clone()
        })
    }
}

/// A broker that runs. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) address: SocketAddr,
    pub(crate) pid: u32,
    pub(crate) folder: PathBuf,
    child: Option<Child>,
    stop: Option<PathBuf>,
    /// Removed once the broker has ended.
    _limit: Option<MemoryLimit>,
}

const KAFKA_PORT: u16 = 29_492;
const RIVAL_PORT_DISTANCE: u16 = 40;
/// What Kring plans with where nothing limits it; said to it, because something may limit this process.
const MEMORY_BYTES: u64 = 512 << 20;
const START_PATIENCE: Duration = Duration::from_secs(60);

/// Which of several brokers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    /// From 0 on.
    pub(crate) id: u16,
    pub(crate) of: u16,
}

const ALONE: Node = Node { id: 0, of: 1 };

impl Node {
    /// Where a node listens, the first one at `base`: clients, and its peers at the port behind it.
    fn port(id: u16, base: u16) -> u16 {
        base + 10 * id
    }

    /// Everybody that votes. Apache Kafka's ids begin at 1 here.
    fn voters(self, base: u16, first_id: u16) -> String {
        let voter = |id| {
            let port = Node::port(id, base) + 1;
            format!("{}@127.0.0.1:{port}", id + first_id)
        };
        (0..self.of).map(voter).collect::<Vec<_>>().join(",")
    }
}

/// Starts a broker on an empty folder and waits until it listens.
pub(crate) fn start(kind: Kind, places: &Places) -> Result<Broker, String> {
    start_one(kind, places, ALONE)
}

/// Starts several that form a cluster, the first id first.
pub(crate) fn start_all(kind: Kind, places: &Places, of: u16) -> Result<Vec<Broker>, String> {
    // Each waits for the others.
    thread::scope(|scope| {
        let start = |id| scope.spawn(move || start_one(kind, places, Node { id, of }));
        let started: Vec<_> = (0..of).map(start).collect();
        let join = |started: thread::ScopedJoinHandle<'_, Result<Broker, String>>| {
            started.join().map_err(|_| "a start panicked".to_owned())?
        };
        let brokers: Result<Vec<Broker>, String> = started.into_iter().map(join).collect();
        let brokers = brokers?;
        for broker in &brokers {
            let mut stream = call::connect(broker.address, START_PATIENCE)?;
            call::await_brokers(&mut stream, of.into())?;
        }
        Ok(brokers)
    })
}

fn start_one(kind: Kind, places: &Places, node: Node) -> Result<Broker, String> {
    let folder = match node.of {
        1 => places.folder.join(kind.name()),
        _ => places.folder.join(format!("{}-{}", kind.name(), node.id)),
    };
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let before = sched_getaffinity(None).map_err(|e| format!("affinity: {e}"))?;
    if places.pinned {
        pin(1)?;
    }
    let started = match kind {
        Kind::Kring => start_kring(places, folder, node, "auto"),
        Kind::Posix => start_kring(places, folder, node, "posix"),
        Kind::Kafka => start_kafka(places, folder, node),
    };
    if places.pinned {
        sched_setaffinity(None, &before).map_err(|e| format!("affinity: {e}"))?;
    }
    let broker = started?;
    call::connect(broker.address, START_PATIENCE)?;
    Ok(broker)
}

/// Kills Kring and starts it again on its data; also gives when. Apache Kafka's figure is not measured here.
pub(crate) fn kill_and_start(
    mut broker: Broker,
    places: &Places,
) -> Result<(Broker, Instant), String> {
    let Some(mut child) = broker.child.take() else {
        return Err("only Kring is killed and started again".to_owned());
    };
    child.kill().map_err(|e| format!("SIGKILL: {e}"))?;
    child.wait().map_err(|e| format!("SIGKILL: {e}"))?;
    let started_at = Instant::now();
    let program = Command::new(&places.kring);
    let (pid, child) = spawn_kring(program, places, &broker.folder, ALONE, "auto")?;
    broker.pid = pid;
    broker.child = Some(child);
    Ok((broker, started_at))
}

/// This thread, and what it starts, on one processor.
pub(crate) fn pin(processor: usize) -> Result<(), String> {
    let mut set = CpuSet::new();
    set.set(processor);
    sched_setaffinity(None, &set).map_err(|e| format!("processor {processor}: {e}"))
}

fn start_kring(
    places: &Places,
    folder: PathBuf,
    node: Node,
    driver: &str,
) -> Result<Broker, String> {
    let limit = places.memory_bytes_max.map(MemoryLimit::new).transpose()?;
    let program = match &limit {
        None => Command::new(&places.kring),
        Some(limit) => limit.run(&places.kring),
    };
    let (pid, child) = spawn_kring(program, places, &folder, node, driver)?;
    Ok(Broker {
        address: SocketAddr::from(([127, 0, 0, 1], Node::port(node.id, places.kring_port))),
        pid,
        folder,
        child: Some(child),
        stop: None,
        _limit: limit,
    })
}

fn spawn_kring(
    mut command: Command,
    places: &Places,
    folder: &Path,
    node: Node,
    driver: &str,
) -> Result<(u32, Child), String> {
    let log = File::create(folder.join("log")).map_err(|e| format!("the log: {e}"))?;
    let port = Node::port(node.id, places.kring_port);
    // In a container it would see the limit itself.
    let memory_bytes = places.memory_bytes_max.map_or(MEMORY_BYTES, budget);
    command
        .env_clear()
        .env("KRING_MEMORY_BYTES", memory_bytes.to_string());
    if node.of > 1 {
        let secret = folder.join("peer-secret");
        fs::write(&secret, "the secret of a comparison")
            .map_err(|e| format!("{}: {e}", secret.display()))?;
        command
            .env("KRING_NODE_ID", node.id.to_string())
            .env("KRING_PEER_LISTENER", format!("127.0.0.1:{}", port + 1))
            .env("KRING_PEER_SECRET_FILE", secret)
            .env(
                "KRING_CONTROLLER_QUORUM_VOTERS",
                node.voters(places.kring_port, 0),
            );
    }
    let child = command
        .env("KRING_LOG_DIRS", folder.join("data"))
        .env("KRING_IO_DRIVER", driver)
        .env("KRING_LISTENERS", format!("PLAINTEXT://127.0.0.1:{port}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(|e| format!("{}: {e}", places.kring.display()))?;
    Ok((child.id(), child))
}

fn start_kafka(places: &Places, folder: PathBuf, node: Node) -> Result<Broker, String> {
    let port = Node::port(node.id, KAFKA_PORT);
    let start = places.kafka.join("start");
    let status = Command::new(&start)
        .arg(&folder)
        .arg(port.to_string())
        .arg((node.id + 1).to_string())
        .arg(node.voters(KAFKA_PORT, 1))
        .stdout(Stdio::null())
        .status()
        .map_err(|e| format!("{}: {e}", start.display()))?;
    if !status.success() {
        return Err(format!("{} failed ({status})", start.display()));
    }
    let pid =
        fs::read_to_string(folder.join("pid")).map_err(|e| format!("the id of Kafka: {e}"))?;
    Ok(Broker {
        address: SocketAddr::from(([127, 0, 0, 1], port)),
        pid: pid
            .trim()
            .parse()
            .map_err(|e| format!("the id of Kafka: {e}"))?,
        folder,
        child: None,
        stop: Some(places.kafka.join("stop")),
        _limit: None,
    })
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = kill_process(Pid::from_child(child), Signal::TERM);
            for _ in 0..200 {
                if !matches!(child.try_wait(), Ok(None)) {
                    break;
                }
                thread::sleep(Duration::from_millis(50));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        if let Some(stop) = &self.stop {
            let _ = Command::new(stop).arg(&self.folder).status();
        }
        remove_data(&self.folder);
    }
}

/// The logs stay, the records go.
fn remove_data(folder: &Path) {
    let _ = fs::remove_dir_all(folder.join("data"));
}
