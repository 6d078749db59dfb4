//! Brokers as processes, and kcat as their client, for the tests beside this folder.
//! It asserts nothing about the broker; it starts, stops, asks and waits, always a bounded time.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long anything here is waited for.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Ports of one broker.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    pub clients: u16,
    pub peers: u16,
    pub admin: u16,
    pub metrics: u16,
}

impl Ports {
    /// Four that nobody has, and that no other test is given while this process lives.
    ///
    /// They lie below those that the system gives to outgoing connections: one of another test's could take the port of a broker that is down, or not up yet.
    pub fn free() -> Ports {
        let claims = std::env::temp_dir().join("kring-test-ports");
        fs::create_dir_all(&claims).unwrap();
        let clients = (28_000..32_000)
            .step_by(4)
            .find(|first| is_claimed(&claims, *first))
            .expect("four free ports below 32000");
        Ports {
            clients,
            peers: clients + 1,
            admin: clients + 2,
            metrics: clients + 3,
        }
    }
}

/// Takes the four ports from `first` for as long as this process lives, unless somebody has one.
fn is_claimed(claims: &Path, first: u16) -> bool {
    let claim = File::create(claims.join(first.to_string())).unwrap();
    if claim.try_lock().is_err() {
        return false;
    }
    // The system lets go of the lock when the process ends, however it ends.
    std::mem::forget(claim);
    (first..first + 4).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok())
}

/// A broker to be started, again and again on the same data.
pub struct Broker {
    pub ports: Ports,
    pub dir: PathBuf,
    settings: Vec<(String, String)>,
    child: Option<Child>,
}

impl Broker {
    /// A broker that is alone, with its data below `dir`.
    pub fn alone(dir: &Path) -> Broker {
        let ports = Ports::free();
        let mut broker = Broker {
            ports,
            dir: dir.to_owned(),
            settings: Vec::new(),
            child: None,
        };
        broker.set("KRING_LOG_DIRS", &dir.join("data").display().to_string());
        broker.set(
            "KRING_LISTENERS",
            &format!("PLAINTEXT://127.0.0.1:{}", ports.clients),
        );
        broker.set(
            "KRING_METRICS_LISTENER",
            &format!("127.0.0.1:{}", ports.metrics),
        );
        broker.set(
            "KRING_ADMIN_LISTENER",
            &format!("127.0.0.1:{}", ports.admin),
        );
        // Small, so that a test does not zero half a gigabyte.
        broker.set("KRING_JOURNAL_FILE_BYTES", "8388608");
        broker.set("KRING_GROUP_INITIAL_REBALANCE_DELAY_MS", "0");
        broker
    }

    /// Sets a variable of the environment.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Starts the process. Its log goes to `log` in its directory.
    pub fn start(&mut self) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.dir.join("log"))
            .unwrap();
        let child = self.command().stderr(log).spawn().unwrap();
        self.child = Some(child);
    }

    /// Starts the process and waits until it is ready.
    pub fn start_and_wait(&mut self) {
        self.start();
        self.wait_until_ready();
    }

    /// Runs the process to its end; gives its status and what it said on standard error.
    pub fn run_to_end(&mut self) -> (ExitStatus, String) {
        let stderr = File::create(self.dir.join("refusal")).unwrap();
        let mut child = self.command().stderr(stderr).spawn().unwrap();
        let status = wait_for_exit(&mut child);
        (
            status,
            fs::read_to_string(self.dir.join("refusal")).unwrap(),
        )
    }

    /// Waits until `/readyz` says so.
    pub fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if self.readyz().is_ok_and(|(status, _)| status == 200) {
                return;
            }
            if let Some(status) = self.child.as_mut().and_then(|c| c.try_wait().unwrap()) {
                panic!("the broker ended ({status}): {}", self.log());
            }
            sleep(Duration::from_millis(10));
        }
        panic!("not ready: {:?}\n{}", self.readyz(), self.log());
    }

    /// Status and body of `/readyz`.
    pub fn readyz(&self) -> std::io::Result<(u16, String)> {
        http_get(self.ports.metrics, "/readyz")
    }

    /// Kills without warning.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Sends SIGTERM and waits for the end.
    pub fn terminate(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("the broker runs");
        let pid = Pid::from_child(&child);
        kill_process(pid, Signal::TERM).unwrap();
        wait_for_exit(&mut child)
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    /// What it has logged, once that has these words.
    pub fn log_with(&self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = self.log();
            if log.contains(words) {
                return log;
            }
            assert!(Instant::now() < deadline, "no {words:?} in {log}");
            sleep(Duration::from_millis(10));
        }
    }

    /// Memory that is in use now, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        self.status("VmRSS:") * 1024
    }

    /// The number behind a name in the kernel's account of the process.
    pub fn status(&self, name: &str) -> u64 {
        let pid = self.child.as_ref().expect("the broker runs").id();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next())
            .and_then(|number| number.parse().ok())
            .unwrap()
    }

    /// `host:port` for clients.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.ports.clients)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kring-broker"));
        command
            .env_clear()
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        for (name, value) in &self.settings {
            command.env(name, value);
        }
        command
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!(
                "--- log of the broker in {}\n{}",
                self.dir.display(),
                self.log()
            );
        }
    }
}

/// Three brokers that know each other.
pub fn three_brokers(dir: &Path) -> Vec<Broker> {
    let secret = dir.join("peer-secret");
    fs::write(&secret, "a secret of three brokers").unwrap();
    let mut brokers: Vec<Broker> = (0..3)
        .map(|id| {
            let own = dir.join(format!("broker-{id}"));
            fs::create_dir(&own).unwrap();
            Broker::alone(&own)
        })
        .collect();
    let voters: Vec<String> = brokers
        .iter()
        .enumerate()
        .map(|(id, broker)| format!("{id}@127.0.0.1:{}", broker.ports.peers))
        .collect();
    for (id, broker) in brokers.iter_mut().enumerate() {
        broker.set("KRING_NODE_ID", &id.to_string());
        broker.set(
            "KRING_PEER_LISTENER",
            &format!("127.0.0.1:{}", broker.ports.peers),
        );
        broker.set("KRING_PEER_SECRET_FILE", &secret.display().to_string());
        broker.set("KRING_CONTROLLER_QUORUM_VOTERS", &voters.join(","));
        broker.set("KRING_DEFAULT_REPLICATION_FACTOR", "3");
        broker.set("KRING_MIN_INSYNC_REPLICAS", "2");
        broker.set("KRING_NUM_PARTITIONS", "3");
    }
    brokers
}

/// Where a client finds any of them.
pub fn bootstrap(brokers: &[Broker]) -> String {
    let addresses: Vec<String> = brokers.iter().map(Broker::bootstrap).collect();
    addresses.join(",")
}

/// Status and body of an HTTP GET.
pub fn http_get(port: u16, path: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(15)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((status.unwrap_or(0), body.to_owned()))
}

/// Produces one record for each line, with acks of all replicas, idempotently.
pub fn produce(bootstrap: &str, topic: &str, lines: &str) {
    let options = [
        "-X",
        "acks=all",
        "-X",
        "enable.idempotence=true",
        "-X",
        "linger.ms=2",
    ];
    let mut child = kcat(bootstrap)
        .args(["-P", "-t", topic])
        .args(options)
        .stdin(Stdio::piped())
        .spawn()
        .expect("kcat is installed (Debian package kcat)");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(lines.as_bytes()).unwrap();
    drop(stdin);
    assert!(
        wait_for_exit(&mut child).success(),
        "kcat could not produce"
    );
}

/// Everything in a topic, a line for each record, sorted.
pub fn consume(bootstrap: &str, topic: &str) -> Vec<String> {
    let output = kcat(bootstrap)
        .args(["-C", "-t", topic, "-e", "-q", "-X", "check.crcs=true"])
        .output()
        .expect("kcat is installed (Debian package kcat)");
    assert!(output.status.success(), "kcat could not consume");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Reads as a member of a group that begins at the first record, so many records or all that are there; the member then
/// commits and leaves. Gives how many it read.
pub fn read_as_group(bootstrap: &str, group: &str, topic: &str, count: Option<u32>) -> usize {
    let mut command = kcat(bootstrap);
    command.args(["-q", "-X", "auto.offset.reset=earliest"]);
    match count {
        Some(count) => command.args(["-c", &count.to_string()]),
        None => command.arg("-e"),
    };
    let output = command
        .args(["-G", group, topic])
        .output()
        .expect("kcat is installed (Debian package kcat)");
    assert!(output.status.success(), "kcat could not read as a group");
    String::from_utf8_lossy(&output.stdout).lines().count()
}

/// The numbers of a range as lines.
pub fn numbers(range: std::ops::Range<u32>) -> String {
    range.map(|n| format!("{n:08}\n")).collect()
}

fn kcat(bootstrap: &str) -> Command {
    // A bound of its own, so that a client that hangs does not hang the test.
    let mut command = Command::new("timeout");
    command
        .args([&PATIENCE.as_secs().to_string(), "kcat", "-b", bootstrap])
        .stderr(Stdio::null());
    command
}

fn wait_for_exit(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
    panic!("a process did not end within {} s", PATIENCE.as_secs());
}
