//! The network of a run: a bridge, and a namespace with an end of a cable for each broker; what cuts it and heals it.
//! Clients are at the bridge. There is no way out of it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::command::run;

/// Where clients are.
const CLIENTS: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);

/// The address of a broker.
pub(crate) fn address(broker: usize) -> Ipv4Addr {
    let last = u8::try_from(11 + broker).expect("a run has few brokers");
    Ipv4Addr::new(198, 18, 0, last)
}

/// Where a broker listens on `port`.
pub(crate) fn socket(broker: usize, port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(address(broker)), port)
}

/// The name of a broker's namespace.
pub(crate) fn namespace(broker: usize) -> String {
    format!("broker-{broker}")
}

/// Makes the bridge and a namespace for each broker.
///
/// # Errors
/// When `ip` or the kernel refuses.
pub(crate) fn make(brokers: usize) -> Result<(), String> {
    run(&["ip", "link", "set", "lo", "up"])?;
    run(&["ip", "link", "add", "bridge", "type", "bridge"])?;
    run(&[
        "ip",
        "addr",
        "add",
        &format!("{CLIENTS}/24"),
        "dev",
        "bridge",
    ])?;
    run(&["ip", "link", "set", "bridge", "up"])?;
    for broker in 0..brokers {
        connect(broker)?;
    }
    Ok(())
}

/// Gives the clients' end as many addresses more.
///
/// # Errors
/// When `ip` or the kernel refuses.
pub(crate) fn more_clients(count: u8) -> Result<Vec<Ipv4Addr>, String> {
    let addresses: Vec<_> = (0..count)
        .map(|n| Ipv4Addr::new(198, 18, 0, 101 + n))
        .collect();
    for address in &addresses {
        run(&[
            "ip",
            "addr",
            "add",
            &format!("{address}/24"),
            "dev",
            "bridge",
        ])?;
    }
    Ok(addresses)
}

fn connect(broker: usize) -> Result<(), String> {
    let name = namespace(broker);
    let cable = format!("cable-{broker}");
    run(&["ip", "netns", "add", &name])?;
    run(&[
        "ip", "link", "add", &cable, "type", "veth", "peer", "name", "eth0", "netns", &name,
    ])?;
    run(&["ip", "link", "set", &cable, "master", "bridge", "up"])?;
    inside(broker, &["ip", "link", "set", "lo", "up"])?;
    let address = format!("{}/24", address(broker));
    inside(broker, &["ip", "addr", "add", &address, "dev", "eth0"])?;
    inside(broker, &["ip", "link", "set", "eth0", "up"])?;
    // The rules that faults add; kept apart so that counting and healing touch nothing else.
    inside(broker, &["iptables", "-w", "-P", "FORWARD", "DROP"])?;
    Ok(())
}

/// Runs a command in a broker's namespace. Not `ip netns exec`: that mounts a /sys of its own.
fn inside(broker: usize, command: &[&str]) -> Result<String, String> {
    let netns = format!("--net=/run/netns/{}", namespace(broker));
    let mut line = vec!["nsenter", netns.as_str()];
    line.extend(command);
    run(&line)
}

/// Whom a cut concerns, seen from a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Other {
    /// Another broker.
    Broker(usize),
    /// All clients.
    Clients,
}

impl Other {
    fn address(self) -> Ipv4Addr {
        match self {
            Other::Broker(broker) => address(broker),
            Other::Clients => CLIENTS,
        }
    }
}

/// Drops what arrives at `broker` from `other`.
pub(crate) fn cut_from(broker: usize, other: Other) -> Result<(), String> {
    let from = other.address().to_string();
    inside(
        broker,
        &["iptables", "-w", "-A", "INPUT", "-s", &from, "-j", "DROP"],
    )
    .map(drop)
}

/// Drops what `broker` sends to `other`.
pub(crate) fn cut_to(broker: usize, other: Other) -> Result<(), String> {
    let to = other.address().to_string();
    inside(
        broker,
        &["iptables", "-w", "-A", "OUTPUT", "-d", &to, "-j", "DROP"],
    )
    .map(drop)
}

/// Drops a share of the packets that arrive at `broker`, drawn by the kernel.
pub(crate) fn lose(broker: usize, percent: u64) -> Result<(), String> {
    let probability = format!("0.{percent:02}");
    let rule = [
        "iptables",
        "-w",
        "-A",
        "INPUT",
        "-i",
        "eth0",
        "-m",
        "statistic",
        "--mode",
        "random",
        "--probability",
        &probability,
        "-j",
        "DROP",
    ];
    inside(broker, &rule).map(drop)
}

/// Removes every cut and loss at `broker`; gives how many packets they dropped.
pub(crate) fn heal(broker: usize) -> Result<u64, String> {
    let mut dropped = 0;
    for chain in ["INPUT", "OUTPUT"] {
        let rules = inside(broker, &["iptables", "-w", "-nvxL", chain])?;
        dropped += dropped_packets(&rules);
        inside(broker, &["iptables", "-w", "-F", chain])?;
    }
    Ok(dropped)
}

/// The sum of the packets of the rules that drop, in what `iptables -nvxL` prints.
fn dropped_packets(rules: &str) -> u64 {
    rules
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let packets: u64 = words.next()?.parse().ok()?;
            let _bytes = words.next()?;
            (words.next()? == "DROP").then_some(packets)
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_of_dropping_rules_are_summed_and_headings_are_not() {
        let rules = "Chain INPUT (policy ACCEPT 5 packets, 40 bytes)\n    pkts      bytes target     prot opt in     out     source               destination\n      12      720 DROP       all  --  *      *       198.18.0.12          0.0.0.0/0\n       3      180 DROP       all  --  eth0   *       0.0.0.0/0            0.0.0.0/0            statistic mode random probability 0.2\n";
        assert_eq!(dropped_packets(rules), 15);
    }
}
