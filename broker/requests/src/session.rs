//! What is known of each client connection.
//! It holds no request: those wait in `produce`, `fetch` and the engines.

use std::collections::BTreeMap;

use kring_io::ConnId;

/// One connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Session {
    /// The client's address.
    pub(crate) host: String,
    /// The client library, as it named itself in ApiVersions v3.
    pub(crate) software_name: String,
    /// Its version.
    pub(crate) software_version: String,
}

/// Open connections. The edge caps how many there are.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    open: BTreeMap<ConnId, Session>,
}

impl Sessions {
    /// A connection came from `host`.
    pub(crate) fn open(&mut self, conn: ConnId, host: String) {
        self.open.entry(conn).or_default().host = host;
    }

    /// The client's address as Kafka shows it: `/10.0.0.1`.
    pub(crate) fn client_host(&self, conn: ConnId) -> String {
        let host = self.open.get(&conn).map_or("", |session| &session.host);
        format!("/{host}")
    }

    /// Remembers the client library of a connection.
    pub(crate) fn name_software(&mut self, conn: ConnId, name: String, version: String) {
        let session = self.open.entry(conn).or_default();
        session.software_name = name;
        session.software_version = version;
    }

    /// Forgets a connection.
    pub(crate) fn close(&mut self, conn: ConnId) {
        self.open.remove(&conn);
    }

    /// Connections per client library, for metrics.
    pub(crate) fn by_software(&self) -> BTreeMap<(String, String), u64> {
        let mut counts = BTreeMap::new();
        for session in self.open.values() {
            let key = (
                session.software_name.clone(),
                session.software_version.clone(),
            );
            *counts.entry(key).or_default() += 1;
        }
        counts
    }
}
