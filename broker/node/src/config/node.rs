//! The node's own settings in the types that its parts take, and the rules that hold between them.
//! It reads no secret; it knows the files.

use std::path::PathBuf;
use std::time::Duration;

use kring_edge::ClientLimits;
use kring_io_linux::DriverChoice;

use super::ConfigError;
use super::address::{Address, Listener, parse_voters};
use super::keys::NODE_KEYS;
use super::source::{Origin, Setting, Settings};
use crate::machine;

/// Part of the memory budget for requests that are not yet taken in.
const REQUESTS_PERCENT: u64 = 15;

/// Shape of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Auto,
    Text,
    Json,
}

/// The link side of a broker that has peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peering {
    pub(crate) listener: Address,
    pub(crate) secret_file: PathBuf,
}

/// What the node is made of.
#[derive(Clone, Debug)]
pub(crate) struct NodeConfig {
    pub(crate) id: i32,
    pub(crate) rack: Option<String>,
    /// Whether consumers read from followers in their rack.
    pub(crate) rack_aware_replica_selector: bool,
    pub(crate) data_dir: PathBuf,
    pub(crate) listener: Listener,
    pub(crate) advertised: Listener,
    pub(crate) limits: ClientLimits,
    pub(crate) network_threads: usize,
    pub(crate) voters: Vec<(i32, Address)>,
    pub(crate) peering: Option<Peering>,
    pub(crate) peer_advertised: Address,
    pub(crate) admin_listener: Option<Address>,
    /// None: a file in the data directory.
    pub(crate) admin_token_file: Option<PathBuf>,
    pub(crate) metrics_listener: Option<Address>,
    pub(crate) driver: DriverChoice,
    pub(crate) log_format: LogFormat,
    pub(crate) log_level: String,
    /// Memory to be split between requests and recent records, in bytes.
    pub(crate) memory_bytes: u64,
}

/// Checked settings with defaults where there are none.
struct Values<'a>(&'a Settings);

impl Values<'_> {
    fn text(&self, name: &str) -> &str {
        match self.0.get(name) {
            Some(setting) => &setting.value,
            None => NODE_KEYS
                .iter()
                .find(|key| key.name == name)
                .map_or("", |key| key.default),
        }
    }

    fn given(&self, name: &str) -> Option<String> {
        let text = self.text(name);
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn number(&self, name: &str) -> i64 {
        let number = self.text(name).parse();
        number.expect("numbers are checked against the table, whose defaults are numbers")
    }

    /// Reads a text with `parse`, or says what is allowed.
    fn parsed<T>(
        &self,
        name: &str,
        allowed: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(text) = self.given(name) else {
            return Ok(None);
        };
        match parse(&text) {
            Some(value) => Ok(Some(value)),
            None => Err(ConfigError::BadValue {
                origin: self.origin(name),
                message: format!("{name}: {text:?} is not allowed; {allowed} is"),
            }),
        }
    }

    fn origin(&self, name: &str) -> Origin {
        self.0
            .get(name)
            .map_or(Origin::Variable(name.to_owned()), |setting: &Setting| {
                setting.origin.clone()
            })
    }

    fn address(&self, name: &str) -> Result<Option<Address>, ConfigError> {
        self.parsed(name, "host:port", Address::parse)
    }

    /// The one listener for clients of a list.
    fn listener(&self, name: &str) -> Result<Option<Listener>, ConfigError> {
        let controllers = self.text("controller.listener.names").to_ascii_uppercase();
        let for_clients = |listener: &Listener| {
            !controllers
                .split(',')
                .any(|controller| controller.trim() == listener.name)
        };
        let allowed = "one NAME://host:port without encryption, such as PLAINTEXT://0.0.0.0:9092,";
        self.parsed(name, allowed, |text| {
            let listeners: Option<Vec<Listener>> = text.split(',').map(Listener::parse).collect();
            let mut listeners = listeners?.into_iter().filter(for_clients);
            let one = listeners.next()?;
            let plain = one.name != "SSL" && !one.name.starts_with("SASL");
            (plain && listeners.next().is_none()).then_some(one)
        })
    }
}

/// Makes the node's configuration of checked settings.
pub(super) fn resolve(settings: &Settings) -> Result<NodeConfig, ConfigError> {
    let values = Values(settings);
    let id = i32::try_from(values.number("node.id")).expect("the table bounds node.id");
    let Some(listener) = values.listener("listeners")? else {
        return Err(ConfigError::BadValue {
            origin: values.origin("listeners"),
            message:
                "listeners: a broker needs one NAME://host:port, such as PLAINTEXT://0.0.0.0:9092"
                    .to_owned(),
        });
    };
    let advertised = match values.listener("advertised.listeners")? {
        Some(advertised) => advertised,
        None => derived_advertised(&listener),
    };
    if advertised.address.is_wildcard() {
        return Err(ConfigError::Contradiction(format!(
            "advertised.listeners: {advertised} is not an address that clients can connect to; name a host"
        )));
    }
    let allowed = "a list of different id@host:port, such as 0@kafka-0:9093,1@kafka-1:9093,";
    let voters = values.parsed("controller.quorum.voters", allowed, parse_voters)?;
    let peering = peering(&values)?;
    let (voters, peer_advertised) = quorum(&values, id, voters, peering.as_ref())?;
    let memory_bytes = match values.number("kring.memory.bytes") {
        0 => machine::default_memory_bytes(),
        bytes => bytes.unsigned_abs(),
    };
    let admin_listener = values.address("kring.admin.listener")?;
    let admin_token_file = values.given("kring.admin.token.file").map(PathBuf::from);
    if let Some(address) = &admin_listener
        && admin_token_file.is_none()
        && !address.is_loopback()
    {
        return Err(ConfigError::Contradiction(format!(
            "kring.admin.listener {address} is reachable from other machines and needs kring.admin.token.file"
        )));
    }
    Ok(NodeConfig {
        id,
        rack: values.given("broker.rack"),
        // The table has no other word.
        rack_aware_replica_selector: values.given("replica.selector.class").is_some(),
        data_dir: data_dir(&values)?,
        listener,
        advertised,
        limits: limits(&values, memory_bytes),
        network_threads: match values.number("num.network.threads") {
            0 => machine::processors(),
            threads => usize::try_from(threads).unwrap_or(1),
        },
        voters,
        peering,
        peer_advertised,
        admin_listener,
        admin_token_file,
        metrics_listener: values.address("kring.metrics.listener")?,
        driver: values
            .text("kring.io.driver")
            .parse()
            .expect("the table lists the words"),
        log_format: match values.text("kring.log.format") {
            "text" => LogFormat::Text,
            "json" => LogFormat::Json,
            _ => LogFormat::Auto,
        },
        log_level: values.text("kring.log.level").to_owned(),
        memory_bytes,
    })
}

fn data_dir(values: &Values<'_>) -> Result<PathBuf, ConfigError> {
    let dir = values.parsed("log.dirs", "one directory", |text| {
        (!text.contains(',')).then(|| PathBuf::from(text))
    })?;
    dir.ok_or_else(|| ConfigError::BadValue {
        origin: values.origin("log.dirs"),
        message: "log.dirs: a broker needs one directory, such as /var/lib/kring".to_owned(),
    })
}

fn derived_advertised(listener: &Listener) -> Listener {
    let mut advertised = listener.clone();
    if advertised.address.is_wildcard() {
        advertised.address.host = machine::name();
    }
    advertised
}

fn peering(values: &Values<'_>) -> Result<Option<Peering>, ConfigError> {
    let Some(listener) = values.address("kring.peer.listener")? else {
        return Ok(None);
    };
    let Some(secret_file) = values.given("kring.peer.secret.file") else {
        return Err(ConfigError::Contradiction(format!(
            "kring.peer.listener {listener} needs kring.peer.secret.file: brokers prove to each other that they share it"
        )));
    };
    Ok(Some(Peering {
        listener,
        secret_file: PathBuf::from(secret_file),
    }))
}

/// The voters, and where the others find this broker.
fn quorum(
    values: &Values<'_>,
    id: i32,
    voters: Option<Vec<(i32, Address)>>,
    peering: Option<&Peering>,
) -> Result<(Vec<(i32, Address)>, Address), ConfigError> {
    let given = values.address("kring.peer.advertised")?;
    let own_entry = voters
        .iter()
        .flatten()
        .find(|(voter, _)| *voter == id)
        .map(|(_, address)| address.clone());
    let bound = peering.map(|peering| peering.listener.clone());
    let advertised = given.or(own_entry).or(bound).unwrap_or(Address {
        host: "127.0.0.1".to_owned(),
        port: 0,
    });
    let voters = voters.unwrap_or_else(|| vec![(id, advertised.clone())]);
    let alone = voters.len() == 1 && voters[0].0 == id;
    if !alone && peering.is_none() {
        return Err(ConfigError::Contradiction(
            "controller.quorum.voters names other brokers; kring.peer.listener must say where they reach this one".to_owned(),
        ));
    }
    if !alone && advertised.is_wildcard() {
        return Err(ConfigError::Contradiction(format!(
            "kring.peer.advertised: {advertised} is not an address that other brokers can connect to; name a host"
        )));
    }
    Ok((voters, advertised))
}

fn limits(values: &Values<'_>, memory_bytes: u64) -> ClientLimits {
    let size = |name: &str| usize::try_from(values.number(name)).unwrap_or(usize::MAX);
    let share = usize::try_from(memory_bytes / 100 * REQUESTS_PERCENT).unwrap_or(usize::MAX);
    ClientLimits {
        frame_bytes_max: size("socket.request.max.bytes"),
        queued_bytes_max: match values.number("queued.max.request.bytes") {
            ..1 => share,
            bytes => usize::try_from(bytes).unwrap_or(usize::MAX),
        },
        connections_max: size("max.connections"),
        connections_per_ip_max: size("max.connections.per.ip"),
        idle: Duration::from_millis(values.number("connections.max.idle.ms").unsigned_abs()),
    }
}
