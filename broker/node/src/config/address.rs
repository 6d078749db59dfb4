//! Addresses as settings have them: `NAME://host:port`, `host:port`, `id@host:port`.
//! It resolves no name and opens no socket.

use std::fmt;
use std::net::IpAddr;

/// A host, possibly empty (every address), and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// Reads `host:port`; an IPv6 host stands in brackets.
    pub(crate) fn parse(text: &str) -> Option<Address> {
        let (host, port) = text.trim().rsplit_once(':')?;
        let bracketed = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let host = match bracketed {
            Some(inner) => inner.parse::<IpAddr>().ok()?.to_string(),
            None if host.contains([':', '/', '@', ' ']) => return None,
            None => host.to_owned(),
        };
        let port = port.parse().ok()?;
        Some(Address { host, port })
    }

    /// Whether it stands for every address of the machine.
    pub(crate) fn is_wildcard(&self) -> bool {
        self.host.is_empty()
            || self
                .host
                .parse()
                .is_ok_and(|ip: IpAddr| ip.is_unspecified())
    }

    /// Whether only this machine can reach it.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }

    /// What to bind, until one succeeds. A wildcard takes IPv6 and IPv4, or IPv4 alone where the
    /// machine has no IPv6.
    pub(crate) fn to_bind(&self) -> Vec<&str> {
        if self.host.is_empty() {
            vec!["::", "0.0.0.0"]
        } else {
            vec![&self.host]
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// A client listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    /// Such as `PLAINTEXT`.
    pub(crate) name: String,
    pub(crate) address: Address,
}

impl Listener {
    /// Reads `NAME://host:port`.
    pub(crate) fn parse(text: &str) -> Option<Listener> {
        let (name, address) = text.trim().split_once("://")?;
        let named = !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        named.then_some(())?;
        Some(Listener {
            name: name.to_ascii_uppercase(),
            address: Address::parse(address)?,
        })
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.name, self.address)
    }
}

/// Reads `id@host:port` with commas between.
pub(crate) fn parse_voters(text: &str) -> Option<Vec<(i32, Address)>> {
    let mut voters: Vec<(i32, Address)> = Vec::new();
    for voter in text.split(',').map(str::trim).filter(|v| !v.is_empty()) {
        let (id, address) = voter.split_once('@')?;
        let id = id.parse().ok().filter(|id| *id >= 0)?;
        let address = Address::parse(address).filter(|a| !a.host.is_empty())?;
        if voters.iter().any(|(known, _)| *known == id) {
            return None;
        }
        voters.push((id, address));
    }
    (!voters.is_empty()).then_some(voters)
}
