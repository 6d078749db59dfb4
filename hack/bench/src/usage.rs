//! What a process has used so far, as the kernel counts it: processor time, memory, bytes to the disk, flushes.
//! Threads that the kernel runs for a process (io-wq) are in its figures; writeback of the page cache is not.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Counters at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) cpu_s: f64,
    /// Proportional set size.
    pub(crate) memory_bytes: u64,
    pub(crate) disk_bytes: u64,
    /// Flushes of the whole disk below the folder, whoever asked for them.
    pub(crate) flushes: u64,
}

/// Reads the counters of a process whose data is in `folder`.
pub(crate) fn read(pid: u32, folder: &Path) -> Result<Usage, String> {
    let of = |file: &str| {
        let path = format!("/proc/{pid}/{file}");
        fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))
    };
    let ticks = cpu_ticks(&of("stat")?).ok_or("/proc/PID/stat has no times")?;
    let device = fs::metadata(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let (major, minor) = (
        rustix::fs::major(device.dev()),
        rustix::fs::minor(device.dev()),
    );
    let disks = fs::read_to_string("/proc/diskstats").unwrap_or_default();
    Ok(Usage {
        cpu_s: ticks as f64 / rustix::param::clock_ticks_per_second() as f64,
        memory_bytes: field(&of("smaps_rollup")?, "Pss:").unwrap_or(0) * 1024,
        disk_bytes: field(&of("io")?, "write_bytes:").unwrap_or(0),
        flushes: flushes(&disks, major, minor).unwrap_or(0),
    })
}

/// The most that a process has had in memory so far.
pub(crate) fn peak_memory_bytes(pid: u32) -> Result<u64, String> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
    let kib = field(&status, "VmHWM:").ok_or_else(|| format!("{path} has no VmHWM"))?;
    Ok(kib * 1024)
}

/// Seconds that the threads of a process have been on a processor, to the nanosecond: what a broker without clients takes
/// is below a tick. Threads that ended are not in it.
pub(crate) fn threads_cpu_s(pid: u32) -> Result<f64, String> {
    let path = format!("/proc/{pid}/task");
    let named = |e| format!("{path}: {e}");
    let mut sum_ns = 0;
    for thread in fs::read_dir(&path).map_err(named)? {
        let stat = fs::read_to_string(thread.map_err(named)?.path().join("schedstat"));
        // A thread that ended meanwhile.
        sum_ns += stat.map_or(0, |stat| first_number(&stat).unwrap_or(0));
    }
    Ok(sum_ns as f64 / 1e9)
}

fn first_number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

/// User and system time; the name in front of them may hold spaces.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn flushes(disks: &str, major: u32, minor: u32) -> Option<u64> {
    let disk = disks.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_it = fields.first()? == &major.to_string() && fields.get(1)? == &minor.to_string();
        is_it.then_some(fields)
    })?;
    disk.get(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_a_name_with_spaces() {
        let stat = "77 (a ) b) S 1 1 1 0 -1 4194560 9 0 0 0 250 50 7 7 20 0 5 0 99 1 1";
        assert_eq!(cpu_ticks(stat), Some(300));
    }

    #[test]
    fn flushes_are_those_of_the_disk_asked_for() {
        let disks = "254 0 vda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 420 17\n254 1 vdb 1";
        assert_eq!(flushes(disks, 254, 0), Some(420));
        assert_eq!(flushes(disks, 254, 1), None);
    }

    #[test]
    fn this_process_has_memory_and_was_on_a_processor() {
        let used = read(std::process::id(), Path::new("/tmp")).unwrap();
        assert!(used.memory_bytes > 0 && used.cpu_s >= 0.0);
        assert!(threads_cpu_s(std::process::id()).unwrap() > 0.0);
        assert!(peak_memory_bytes(std::process::id()).unwrap() > 0);
    }
}
