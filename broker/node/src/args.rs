//! Arguments of the command line.
//! Settings are not arguments: they come from the file and the environment.

use std::path::PathBuf;

use clap::Parser;

/// A Kafka-compatible broker.
///
/// Without a configuration it is a broker on 127.0.0.1:9092 with its data in ./kring-data. Settings
/// have Kafka's names where Kafka has one; in the environment, node.id is KRING_NODE_ID, and the
/// usual KAFKA_* variables of the apache/kafka image are understood.
#[derive(Debug, Parser)]
#[command(name = "kring-broker", version, max_term_width = 100)]
pub(crate) struct Args {
    /// TOML file with settings, such as "node.id" = 1. The environment comes first.
    #[arg(long, value_name = "FILE", env = "KRING_CONFIG")]
    pub(crate) config: Option<PathBuf>,

    /// Print every setting with its default and its meaning, as a TOML file, and exit.
    #[arg(long)]
    pub(crate) print_config_reference: bool,

    /// Print every setting of brokers and topics as JSON, as the admin API does, and exit.
    #[arg(long)]
    pub(crate) print_config_schema: bool,
}
