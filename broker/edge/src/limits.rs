//! Caps on what clients may take of the broker.
//! It counts connections; bytes are counted in `budget.rs`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Caps on clients, with Kafka's names where Kafka has one.
#[derive(Clone, Debug)]
pub struct ClientLimits {
    /// Largest frame in bytes (`socket.request.max.bytes`).
    pub frame_bytes_max: usize,
    /// Bytes of all requests that the engine has not yet taken in (`queued.max.request.bytes`): half
    /// for those that are whole, half for those that still arrive. One largest frame passes,
    /// whatever this says.
    pub queued_bytes_max: usize,
    /// Connections at once (`max.connections`).
    pub connections_max: usize,
    /// Connections at once of one address (`max.connections.per.ip`).
    pub connections_per_ip_max: usize,
    /// A connection without traffic for this long is closed (`connections.max.idle.ms`).
    pub idle: Duration,
}

/// Connections that are open, by address.
#[derive(Debug, Default)]
pub(crate) struct OpenConnections {
    by_ip: Mutex<BTreeMap<IpAddr, usize>>,
}

/// One connection's place; dropping it makes room.
#[derive(Debug)]
pub(crate) struct Place {
    of: Arc<OpenConnections>,
    ip: IpAddr,
}

impl OpenConnections {
    /// A place for a connection from `ip`, or the setting that has no room for it.
    pub(crate) fn admit(
        self: &Arc<Self>,
        ip: IpAddr,
        limits: &ClientLimits,
    ) -> Result<Place, &'static str> {
        let mut by_ip = self.by_ip.lock().unwrap_or_else(PoisonError::into_inner);
        if by_ip.values().sum::<usize>() >= limits.connections_max {
            return Err("max.connections");
        }
        let of_ip = by_ip.entry(ip).or_default();
        if *of_ip >= limits.connections_per_ip_max {
            return Err("max.connections.per.ip");
        }
        *of_ip += 1;
        Ok(Place {
            of: Arc::clone(self),
            ip,
        })
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        let by_ip = self.by_ip.lock().unwrap_or_else(PoisonError::into_inner);
        by_ip.values().sum()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_ip = self.of.by_ip.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_ip) = by_ip.get_mut(&self.ip) {
            *of_ip -= 1;
            if *of_ip == 0 {
                by_ip.remove(&self.ip);
            }
        }
    }
}
