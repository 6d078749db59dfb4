//! Who this broker is and how it is reached: what the process knows and no setting changes.
//! It reads no file; the node fills it from the data directory and the environment.

use kring_controller::Endpoint;
use kring_io::BrokerId;

/// A broker's identity in one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `node.id`.
    pub broker: BrokerId,
    /// Drawn at each start of the process.
    pub incarnation: [u8; 16],
    /// Drawn when the data directory was formatted.
    pub disk_id: [u8; 16],
    /// Version of the binary.
    pub version: String,
    /// Where clients reach this broker.
    pub listeners: Vec<Endpoint>,
    /// `host:port` where other brokers reach it.
    pub peer_address: String,
    /// The data directory, as DescribeLogDirs shows it.
    pub log_dir: String,
    /// `io_uring`, `posix` or `simulated`.
    pub io_driver: String,
    /// Why that driver, in words.
    pub io_driver_reason: String,
}
