//! What the kernel says of processes: memory, time on processors, descriptors.
//! It changes nothing but this process's own limit.

use std::fs;
use std::time::Instant;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that a process needs beside its connections.
const OTHER_DESCRIPTORS: u64 = 500;
/// Ticks of a second in /proc, the same on every machine that a broker runs on.
const TICKS_PER_SECOND: u64 = 100;

/// Raises the limit of this process and of the broker that it starts.
///
/// # Errors
/// When the administrator allows fewer.
pub(crate) fn allow_descriptors(connections: usize) -> Result<(), String> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = connections as u64 + OTHER_DESCRIPTORS;
    if limit.maximum.is_some_and(|most| most < wanted) {
        return Err(format!(
            "{connections} connections need {wanted} descriptors, {:?} are allowed; raise the hard limit (ulimit -Hn) or ask for fewer",
            limit.maximum
        ));
    }
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).map_err(|e| format!("the limit of open files: {e}"))
}

/// Memory of a process that is in use, in KiB.
///
/// # Errors
/// When there is no such process.
pub(crate) fn resident_kib(pid: u32) -> Result<u64, String> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .ok_or_else(|| format!("{path} has no VmRSS"))
}

/// Time on processors of the broker and of this process since a moment.
pub(crate) struct Cpu {
    pid: u32,
    since: Instant,
    broker: u64,
    own: u64,
}

impl Cpu {
    /// From now on.
    ///
    /// # Errors
    /// When there is no such process.
    pub(crate) fn of(pid: u32) -> Result<Cpu, String> {
        Ok(Cpu {
            pid,
            since: Instant::now(),
            broker: ticks(&pid.to_string())?,
            own: ticks("self")?,
        })
    }

    /// The broker's and our own, in percent of one processor.
    ///
    /// # Errors
    /// When the broker is gone.
    pub(crate) fn percent_since(&self) -> Result<(u64, u64), String> {
        let elapsed = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let percent = |ticks: u64| 100 * 1_000 * ticks / TICKS_PER_SECOND / elapsed.max(1);
        let broker = ticks(&self.pid.to_string())? - self.broker;
        let own = ticks("self")? - self.own;
        Ok((percent(broker), percent(own)))
    }
}

fn ticks(pid: &str) -> Result<u64, String> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
    // Behind the name, which may have spaces: user and system time are the 12th and 13th words.
    let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
    let words: Vec<&str> = behind.split_whitespace().collect();
    let number = |at: usize| words.get(at)?.parse::<u64>().ok();
    number(11)
        .zip(number(12))
        .map(|(user, system)| user + system)
        .ok_or_else(|| format!("{path} is not what it was: {stat}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_has_used_time() {
        assert!(resident_kib(std::process::id()).unwrap() > 100);
        let begun = Instant::now();
        let cpu = Cpu::of(std::process::id()).unwrap();
        while begun.elapsed().as_millis() < 50 {}
        assert!(cpu.percent_since().unwrap().1 > 0);
    }
}
