//! What this machine (or container) gives: processors, memory, name.
//! It decides nothing about their use beyond a default.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Memory budget without a cgroup limit, in bytes.
const MEMORY_WITHOUT_LIMIT_BYTES: u64 = 512 << 20;
/// Part of a cgroup's memory limit that the budget takes; the rest is for everything uncounted.
const MEMORY_PERCENT: u64 = 60;
/// A limit above this is "no limit" (cgroup v1 writes a number near 2^63).
const MEMORY_LIMIT_BYTES_MAX: u64 = 1 << 50;

/// Processors that this process may use, by affinity and cgroup quota; at least 1.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The default of the memory budget in bytes.
pub(crate) fn default_memory_bytes() -> u64 {
    [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ]
    .iter()
    .filter_map(|path| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok())
    .find(|limit| *limit < MEMORY_LIMIT_BYTES_MAX)
    .map_or(MEMORY_WITHOUT_LIMIT_BYTES, |limit| {
        limit / 100 * MEMORY_PERCENT
    })
}

/// The name of this machine; `localhost` when it has none.
pub(crate) fn name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() || name == "(none)" {
        "localhost".to_owned()
    } else {
        name.to_owned()
    }
}

/// Lets this process open as many descriptors as the administrator allows: the usual soft limit of
/// 1024 is for programs that use `select`.
pub(crate) fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files stays low");
    }
}
