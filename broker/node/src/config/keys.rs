//! The settings of a node: where it listens, stores and proves who it is. One table for reading, refusing and documenting.
//! Settings of the cluster and its topics are in `kring_controller::config_schema`.

/// What a value must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Any text.
    Text,
    /// Any texts with commas between.
    List,
    /// A whole number within bounds.
    Number { min: i64, max: i64 },
    /// One of these words.
    Word(&'static [&'static str]),
    /// One or more of these words with commas between.
    Words(&'static [&'static str]),
}

/// A setting of the node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeKey {
    /// Kafka's own name, or ours with the prefix `kring.`.
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    /// Its default as text; empty when it has none or is derived.
    pub(crate) default: &'static str,
    pub(crate) doc: &'static str,
}

const fn key(
    name: &'static str,
    shape: Shape,
    default: &'static str,
    doc: &'static str,
) -> NodeKey {
    NodeKey {
        name,
        shape,
        default,
        doc,
    }
}

const fn number(min: i64, max: i64) -> Shape {
    Shape::Number { min, max }
}

/// Every setting of the node, in the order of the names.
pub(crate) const NODE_KEYS: &[NodeKey] = &[
    key(
        "advertised.listeners",
        Shape::List,
        "",
        "Where clients reach this broker, NAME://host:port. Default: the address of `listeners`, or the machine's name when that is a wildcard.",
    ),
    key(
        "broker.rack",
        Shape::Text,
        "",
        "Failure domain of this broker. Replicas of a partition are spread over racks.",
    ),
    key(
        "connections.max.idle.ms",
        number(1, i64::MAX),
        "600000",
        "A client connection without traffic for this long is closed.",
    ),
    key(
        "controller.listener.names",
        Shape::List,
        "",
        "Listeners that are not for clients. Those of `listeners` with such a name are passed over: brokers among themselves use kring.peer.listener.",
    ),
    key(
        "controller.quorum.voters",
        Shape::List,
        "",
        "Members of the metadata quorum, id@host:port of their peer listeners with commas between; the same on every broker. Default: this broker alone.",
    ),
    key(
        "kring.admin.listener",
        Shape::Text,
        "",
        "host:port of the admin API, which the operator uses. Off when empty.",
    ),
    key(
        "kring.admin.token.file",
        Shape::Text,
        "",
        "File with the bearer token of the admin API, at least 16 bytes. Default on a loopback listener: admin.token in the data directory, made when it is missing.",
    ),
    key(
        "kring.io.driver",
        Shape::Word(&["auto", "io_uring", "posix"]),
        "auto",
        "How journal blocks reach the disk. auto takes io_uring where a trial write succeeds; where it is denied, posix is used whatever this says.",
    ),
    key(
        "kring.log.format",
        Shape::Word(&["auto", "text", "json"]),
        "auto",
        "Shape of log lines on standard error. auto is text on a terminal and json elsewhere.",
    ),
    key(
        "kring.log.level",
        Shape::Text,
        "info",
        "What is logged: error, warn, info, debug or trace, also by module, such as info,kring_edge=debug. The admin API changes it while the broker runs (PUT /v1/log-level).",
    ),
    key(
        "kring.memory.bytes",
        number(0, i64::MAX),
        "0",
        "Memory for requests under way and recent records, in bytes. 0: 60 % of the cgroup's limit, or 512 MiB without one.",
    ),
    key(
        "kring.metrics.listener",
        Shape::Text,
        "",
        "host:port of /metrics, /healthz and /readyz. Off when empty.",
    ),
    key(
        "kring.peer.advertised",
        Shape::Text,
        "",
        "host:port where the other brokers reach this one. Default: the entry of this broker in controller.quorum.voters, or the address of kring.peer.listener.",
    ),
    key(
        "kring.peer.listener",
        Shape::Text,
        "",
        "host:port for the other brokers. Off when empty, which a broker that is alone may be.",
    ),
    key(
        "kring.peer.secret.file",
        Shape::Text,
        "",
        "File with the secret that the brokers of a cluster share, at least 16 bytes. Needed with kring.peer.listener.",
    ),
    key(
        "listeners",
        Shape::List,
        "PLAINTEXT://127.0.0.1:9092",
        "Where clients connect, NAME://host:port. An empty host or 0.0.0.0 is every address.",
    ),
    key(
        "log.dirs",
        Shape::List,
        "kring-data",
        "The data directory. One: the shared journal does not stripe.",
    ),
    key(
        "max.connections",
        number(1, 1_000_000),
        "10000",
        "Client connections at once.",
    ),
    key(
        "max.connections.per.ip",
        number(1, 1_000_000),
        "10000",
        "Client connections at once of one address.",
    ),
    key(
        "node.id",
        number(0, i32::MAX as i64),
        "0",
        "Id of this broker, unique in its cluster and unchanged as long as its disk lives.",
    ),
    key(
        "num.network.threads",
        number(0, 256),
        "0",
        "Threads that serve client connections. 0: as many as processors, by the cgroup's quota.",
    ),
    key(
        "queued.max.request.bytes",
        number(-1, i64::MAX),
        "-1",
        "Bytes of requests that are read but not yet taken in; past it no socket is read. -1: a share of kring.memory.bytes.",
    ),
    key(
        "replica.selector.class",
        Shape::Word(&["org.apache.kafka.common.replica.RackAwareReplicaSelector"]),
        "",
        "Which replica a consumer reads from. With the rack-aware selector, one that names its rack (client.rack) is sent to an in-sync follower whose broker.rack is the same. Default: the leader.",
    ),
    key(
        "socket.request.max.bytes",
        number(1024, i32::MAX as i64),
        "104857600",
        "Largest request in bytes.",
    ),
];

impl NodeKey {
    /// Checks a value; the error names the key, the value and what is allowed.
    pub(crate) fn check(&self, value: &str) -> Result<(), String> {
        match self.shape {
            Shape::Text | Shape::List => Ok(()),
            Shape::Number { min, max } => match value.parse::<i64>() {
                Ok(number) if (min..=max).contains(&number) => Ok(()),
                _ => Err(format!(
                    "{}: {value:?} is not allowed; a whole number from {min} to {max} is",
                    self.name
                )),
            },
            Shape::Word(words) if words.contains(&value) => Ok(()),
            Shape::Word(words) => Err(format!(
                "{}: {value:?} is not allowed; allowed are {}",
                self.name,
                words.join(", ")
            )),
            Shape::Words(known) if words(value).all(|word| known.contains(&word)) => Ok(()),
            Shape::Words(known) => Err(format!(
                "{}: {value:?} is not allowed; allowed are one or more of {} with commas between",
                self.name,
                known.join(", ")
            )),
        }
    }
}

/// The words of a list without the spaces around them. Unlike those of dynamic settings an empty one counts, so that it is refused.
pub(crate) fn words(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim)
}
