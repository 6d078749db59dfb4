//! How fast and how large a simulated disk is.
//! Faults are not settings; see `fault`.

/// Latencies in nanoseconds (drawn evenly from the range) and the size of a simulated disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimDiskConfig {
    /// Of everything that needs no flush: shortest and longest.
    pub latency_ns: (u64, u64),
    /// Of durable writes and syncs: shortest and longest.
    pub flush_latency_ns: (u64, u64),
    /// One operation in so many takes twenty times as long; 0 for none.
    pub slow_one_in: u64,
    /// Bytes of all files together, before writes fail with "no space".
    pub capacity_bytes: u64,
    /// How many faults of [`super::SimDisk::inject`] and [`super::SimDisk::flip_bit`] are accepted
    /// in the life of the disk: a test states what it must survive.
    pub fault_budget: u32,
}

impl Default for SimDiskConfig {
    fn default() -> SimDiskConfig {
        SimDiskConfig {
            latency_ns: (5_000, 60_000),
            flush_latency_ns: (50_000, 300_000),
            slow_one_in: 100,
            capacity_bytes: u64::MAX,
            fault_budget: u32::MAX,
        }
    }
}
