//! `meta.properties`: whose data a directory holds, in Kafka's own form with two lines of ours, the
//! last of which is a checksum of the others. It reads and writes no file.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use kring_wire::TopicId;
use thiserror::Error;

/// The newest format of the data directory that this version reads and the one it writes.
pub(crate) const FORMAT: u32 = 1;

/// Begins the last line: CRC-32C, in eight hexadecimal digits, of everything before the line.
const CHECKSUM: &str = "kring.crc32c=";

/// The content of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MetaProperties {
    pub(crate) node_id: i32,
    /// `directory.id`: drawn when the directory was made; another value is another disk.
    pub(crate) disk_id: [u8; 16],
    /// None until the broker has joined its cluster for the first time.
    pub(crate) cluster_id: Option<String>,
    /// `kring.format`.
    pub(crate) format: u32,
}

/// Why a text is not the content of the file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum ParseError {
    #[error("kring.format is missing: another program wrote it")]
    NotOurs,
    #[error("{key} is missing")]
    Missing { key: &'static str },
    #[error("{key}={value} cannot be read")]
    Unreadable { key: &'static str, value: String },
    #[error(
        "kring.crc32c={found} does not match the lines before it, whose checksum is {computed}"
    )]
    Checksum { found: String, computed: String },
}

impl MetaProperties {
    /// Of a directory that is made now.
    pub(crate) fn new(node_id: i32, disk_id: [u8; 16]) -> MetaProperties {
        MetaProperties {
            node_id,
            disk_id,
            cluster_id: None,
            format: FORMAT,
        }
    }

    /// Reads the file's text. A format that is newer than ours is read as far as the number, which
    /// counts as whole when its checksum does: every format ends with that line.
    pub(crate) fn parse(text: &str) -> Result<MetaProperties, ParseError> {
        let meta = MetaProperties::parse_lines(text)?;
        check(text)?;
        Ok(meta)
    }

    /// The format that a text names, whole or not.
    pub(crate) fn named_format(text: &str) -> Option<u32> {
        let meta = MetaProperties::parse_lines(text).ok()?;
        Some(meta.format)
    }

    fn parse_lines(text: &str) -> Result<MetaProperties, ParseError> {
        let lines: BTreeMap<&str, &str> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key.trim(), value.trim()))
            .collect();
        let format = *lines.get("kring.format").ok_or(ParseError::NotOurs)?;
        let format = parse("kring.format", format)?;
        if format > FORMAT {
            return Ok(MetaProperties {
                format,
                ..MetaProperties::new(-1, [0; 16])
            });
        }
        let find = |key: &'static str| {
            let value = lines.get(key).copied();
            value.ok_or(ParseError::Missing { key })
        };
        let disk_id: TopicId = parse("directory.id", find("directory.id")?)?;
        Ok(MetaProperties {
            node_id: parse("node.id", find("node.id")?)?,
            disk_id: disk_id.0,
            cluster_id: lines.get("cluster.id").map(|id| (*id).to_owned()),
            format,
        })
    }
}

fn check(text: &str) -> Result<(), ParseError> {
    let key = "kring.crc32c";
    let at = text.rfind(CHECKSUM).ok_or(ParseError::Missing { key })?;
    let (covered, line) = text.split_at(at);
    let found = &line[CHECKSUM.len()..];
    let computed = checksum(covered);
    if found.strip_suffix('\n') == Some(&computed) {
        Ok(())
    } else {
        let found = found.trim_end().to_owned();
        Err(ParseError::Checksum { found, computed })
    }
}

fn checksum(text: &str) -> String {
    format!("{:08x}", crc_fast::crc32_iscsi(text.as_bytes()))
}

fn parse<T: std::str::FromStr>(key: &'static str, value: &str) -> Result<T, ParseError> {
    value.parse().map_err(|_| ParseError::Unreadable {
        key,
        value: value.to_owned(),
    })
}

impl fmt::Display for MetaProperties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!(
            "version=1\nnode.id={}\ndirectory.id={}\n",
            self.node_id,
            TopicId(self.disk_id)
        );
        if let Some(cluster_id) = &self.cluster_id {
            writeln!(text, "cluster.id={cluster_id}")?;
        }
        writeln!(text, "kring.format={}", self.format)?;
        let checksum = checksum(&text);
        writeln!(f, "{text}{CHECKSUM}{checksum}")
    }
}
