//! The command line of the load generator.
//! It only names what can be chosen; the modules named after the steps do the work.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

/// Produces numbered records, consumes them, and accounts for every one.
#[derive(Debug, Parser)]
#[command(name = "kring-load", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Produce and consume at the same time, then read the topic again from its beginning.
    Roundtrip(Load),
    /// Produce only, then read the topic again from its beginning.
    Produce(Load),
    /// Create a topic and wait until it can be used.
    CreateTopic(CreateTopic),
    /// Tell a run in the same container, started with `--until-stopped`, to finish.
    Stop(Stop),
}

#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// Where to connect first, `host:port[,host:port…]`.
    #[arg(long, env = "KRING_LOAD_BOOTSTRAP")]
    pub(crate) bootstrap: String,
    /// A setting of librdkafka, `key=value`. Without any the library runs with its own defaults.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) settings: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub(crate) struct Load {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// The topic; it must exist.
    #[arg(long)]
    pub(crate) topic: String,
    /// How many records to send, at least.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) records: u64,
    /// Records per second; 0 is as fast as it goes.
    #[arg(long, default_value_t = 0)]
    pub(crate) rate: u64,
    /// How many different keys the records have.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) keys: u64,
    /// Size of a record's value.
    #[arg(long, default_value_t = 256)]
    pub(crate) value_bytes: usize,
    /// Name of this run in its records; drawn from the clock unless given.
    #[arg(long)]
    pub(crate) producer: Option<String>,
    /// Consumer group; the producer's name unless given.
    #[arg(long)]
    pub(crate) group: Option<String>,
    /// Go on after `--records` until `kring-load stop` is called.
    #[arg(long)]
    pub(crate) until_stopped: bool,
    /// End after this many seconds in any case.
    #[arg(long, default_value_t = 1800)]
    pub(crate) at_most_seconds: u64,
    /// How long to wait after the last record for acknowledgements and for the consumer.
    #[arg(long, default_value_t = 60)]
    pub(crate) drain_seconds: u64,
    /// File whose appearance ends a run with `--until-stopped`.
    #[arg(long, default_value = STOP_FILE)]
    pub(crate) stop_file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CreateTopic {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Name of the topic.
    #[arg(long)]
    pub(crate) topic: String,
    /// Number of partitions.
    #[arg(long, default_value_t = 6)]
    pub(crate) partitions: i32,
    /// Replicas of each partition.
    #[arg(long, default_value_t = 3)]
    pub(crate) replication_factor: i32,
    /// A setting of the topic, `key=value`.
    #[arg(long = "config", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) configs: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub(crate) struct Stop {
    /// The file the run looks for.
    #[arg(long, default_value = STOP_FILE)]
    pub(crate) stop_file: PathBuf,
}

const STOP_FILE: &str = "/tmp/kring-load.stop";

impl Load {
    pub(crate) fn at_most(&self) -> Duration {
        Duration::from_secs(self.at_most_seconds)
    }

    pub(crate) fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("`{text}` is not KEY=VALUE"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_setting_without_a_value_is_refused() {
        assert_eq!(
            key_value("acks=1=2"),
            Ok(("acks".to_owned(), "1=2".to_owned()))
        );
        assert!(key_value("acks").is_err());
    }
}
