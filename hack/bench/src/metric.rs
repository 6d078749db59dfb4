//! The figures of a turn, by name.
//! How each comes about is said where it is measured.

/// A figure of one turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Metric {
    MbPerSecond,
    CpuPerGb,
    CpuPerMillionRequests,
    MillionRecordsPerCpuS,
    P50,
    P99,
    P999,
    MemoryMb,
    PeakMemoryMb,
    ReadMbPerSecond,
    DiskPerPayload,
    Flushes,
    StartMs,
    CreateMs,
    IdleCpuPercent,
    RestartMs,
    RebalanceMs,
    TransactionsPerSecond,
}

impl Metric {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Metric::MbPerSecond => "mb_per_second",
            Metric::CpuPerGb => "cpu_s_per_gb",
            Metric::CpuPerMillionRequests => "cpu_s_per_million_requests",
            Metric::MillionRecordsPerCpuS => "million_records_per_cpu_s",
            Metric::P50 => "p50_us",
            Metric::P99 => "p99_us",
            Metric::P999 => "p999_us",
            Metric::MemoryMb => "memory_mb",
            Metric::PeakMemoryMb => "peak_memory_mb",
            Metric::ReadMbPerSecond => "read_mb_per_second",
            Metric::DiskPerPayload => "disk_bytes_per_payload_byte",
            Metric::Flushes => "flushes_of_disk",
            Metric::StartMs => "start_to_first_record_ms",
            Metric::CreateMs => "partitions_created_ms",
            Metric::IdleCpuPercent => "idle_percent_of_a_core",
            Metric::RebalanceMs => "rebalance_ms",
            Metric::TransactionsPerSecond => "transactions_per_second",
            Metric::RestartMs => "sigkill_to_produce_and_fetch_ms",
        }
    }
}
