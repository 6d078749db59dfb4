//! A broker as a process in its namespace: started, killed, paused, asked whether it is ready.
//! It ends no process but the child it started.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::network;

/// Where clients connect.
pub(crate) const CLIENT_PORT: u16 = 9092;
/// Where brokers connect to each other.
pub(crate) const PEER_PORT: u16 = 9093;
const METRICS_PORT: u16 = 9094;
/// Where the admin API is, in the suites that have it.
pub(crate) const ADMIN_PORT: u16 = 9095;
/// Time for connecting to a broker and for an answer of its HTTP server.
const HTTP_PATIENCE: Duration = Duration::from_secs(2);
/// Lines of a broker's log that a failure shows.
const LOG_LINES: usize = 12;

/// A broker that may run.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) id: usize,
    /// Its log and, unless a disk is mounted elsewhere, its data.
    dir: PathBuf,
    program: PathBuf,
    settings: Vec<(String, String)>,
    child: Option<Child>,
}

impl Broker {
    /// Broker `id` of `all`, with its log in `dir` and its data directory at `data`.
    pub(crate) fn new(
        id: usize,
        all: usize,
        program: &Path,
        dir: &Path,
        data: &Path,
    ) -> Result<Broker, String> {
        fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        let secret = dir.join("peer-secret");
        fs::write(&secret, "the secret of a run with faults")
            .map_err(|e| format!("{}: {e}", secret.display()))?;
        let voters: Vec<String> = (0..all)
            .map(|voter| format!("{voter}@{}", network::socket(voter, PEER_PORT)))
            .collect();
        let on = |port| network::socket(id, port).to_string();
        let settings = [
            ("NODE_ID", id.to_string()),
            ("LOG_DIRS", data.display().to_string()),
            ("LISTENERS", format!("PLAINTEXT://{}", on(CLIENT_PORT))),
            ("METRICS_LISTENER", on(METRICS_PORT)),
            ("PEER_LISTENER", on(PEER_PORT)),
            ("PEER_SECRET_FILE", secret.display().to_string()),
            ("CONTROLLER_QUORUM_VOTERS", voters.join(",")),
            ("DEFAULT_REPLICATION_FACTOR", "3".to_owned()),
            ("MIN_INSYNC_REPLICAS", "2".to_owned()),
            ("AUTO_CREATE_TOPICS_ENABLE", "false".to_owned()),
            ("NUM_NETWORK_THREADS", "1".to_owned()),
            ("MEMORY_BYTES", (256_u64 << 20).to_string()),
            ("LOG_FORMAT", "text".to_owned()),
        ];
        let settings = settings.map(|(name, value)| (format!("KRING_{name}"), value));
        Ok(Broker {
            id,
            dir: dir.to_owned(),
            program: program.to_owned(),
            settings: settings.to_vec(),
            child: None,
        })
    }

    /// Sets a variable of the environment of later starts.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Starts the process.
    ///
    /// # Errors
    /// When it cannot be started, or runs.
    pub(crate) fn start(&mut self) -> Result<(), String> {
        if self.child.is_some() {
            return Err(format!("broker {} runs already", self.id));
        }
        let path = self.dir.join("log");
        let log = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|e| format!("{}: {e}", path.display()))?;
        let netns = format!("--net=/run/netns/{}", network::namespace(self.id));
        let mut command = Command::new("nsenter");
        command
            .args([netns.as_str(), "--"])
            .arg(&self.program)
            .env_clear()
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            // An interrupt from the terminal is for the harness, which ends the brokers itself.
            .process_group(0);
        let child = command
            .spawn()
            .map_err(|e| format!("cannot run nsenter (Debian package util-linux): {e}"))?;
        self.child = Some(child);
        Ok(())
    }

    /// SIGKILL, and waits for the end. Nothing if it does not run.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// SIGKILL without waiting, so that several die together; [`Broker::kill`] then waits.
    pub(crate) fn strike(&mut self) {
        self.signal(Signal::KILL);
    }

    /// SIGSTOP.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// SIGTERM, without waiting for the end.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    fn signal(&self, signal: Signal) {
        if let Some(child) = &self.child {
            // It may just have ended; its end is seen by whoever looks for it.
            let _ = kill_process(Pid::from_child(child), signal);
        }
    }

    /// Whether a process was started and not yet seen to end.
    pub(crate) fn is_started(&self) -> bool {
        self.child.is_some()
    }

    /// The number of the process, if it was started and not yet seen to end.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// How the process ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.as_mut()?.try_wait().ok()??;
        self.child = None;
        Some(status)
    }

    /// Waits for the end.
    pub(crate) fn wait_for_end(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            if Instant::now() >= deadline {
                return None;
            }
            sleep(Duration::from_millis(5));
        }
    }

    /// Whether `/readyz` says so.
    pub(crate) fn is_ready(&self) -> bool {
        self.get("/readyz").is_ok_and(|(status, _)| status == 200)
    }

    /// Status and body of a path of the metrics listener.
    pub(crate) fn get(&self, path: &str) -> std::io::Result<(u16, String)> {
        let address = network::socket(self.id, METRICS_PORT);
        let mut stream = TcpStream::connect_timeout(&address, HTTP_PATIENCE)?;
        stream.set_read_timeout(Some(HTTP_PATIENCE))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok());
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        Ok((status.unwrap_or(0), body.to_owned()))
    }

    /// The last line it has logged.
    pub(crate) fn last_line(&self) -> String {
        let words = self.last_words();
        words.lines().last().unwrap_or_default().to_owned()
    }

    /// Bytes it has logged so far.
    pub(crate) fn log_bytes(&self) -> u64 {
        fs::metadata(self.dir.join("log")).map_or(0, |file| file.len())
    }

    /// Whether a line of a warning or an error behind `from` bytes of its log has one of these words.
    pub(crate) fn logged_since(&self, from: u64, words: &[&str]) -> bool {
        let log = fs::read(self.dir.join("log")).unwrap_or_default();
        let from = usize::try_from(from).unwrap_or(0).min(log.len());
        let log = String::from_utf8_lossy(&log[from..]);
        log.lines()
            .filter(|line| line.contains(" WARN ") || line.contains("ERROR"))
            .any(|line| words.iter().any(|word| line.contains(word)))
    }

    /// The end of what it has logged.
    pub(crate) fn last_words(&self) -> String {
        let log = fs::read_to_string(self.dir.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}
