//! A simulated network between brokers: delay, links that break, partitions in one or both directions.
//! It knows no message's meaning and draws all chance from one seed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use kring_io::{BrokerId, Instant, Random};

/// What arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The link from `at` to `to` carries messages from now on.
    Connected {
        /// Who may send.
        at: BrokerId,
        /// To whom.
        to: BrokerId,
    },
    /// A message.
    Message {
        /// Who sent it.
        from: BrokerId,
        /// To whom.
        to: BrokerId,
        /// Its bytes.
        bytes: Bytes,
    },
}

/// How the network behaves.
#[derive(Clone, Debug)]
pub struct NetworkConfig {
    /// Delay of a message in nanoseconds, drawn for each; the order on a link stays.
    pub delay_ns: Range<u64>,
    /// One in so many messages breaks its link: it and everything under way on the link is lost. 0: never.
    pub break_one_in: u64,
    /// Time until a broken link carries messages again.
    pub reconnect: Duration,
}

/// Counts of what was done to messages, to show that the faults bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkCounts {
    /// Messages that arrived.
    pub delivered: u64,
    /// Messages lost by a broken link, a partition or a stopped broker.
    pub lost: u64,
    /// Links broken.
    pub broken: u64,
}

#[derive(Default)]
struct Link {
    /// Grows when the link breaks: what was sent in an earlier life never arrives.
    life: u64,
    /// When the last message arrives; the next cannot be earlier.
    last_arrival: Instant,
    /// Nothing is carried before.
    up_at: Instant,
}

struct UnderWay {
    life: u64,
    arrival: Arrival,
}

/// The links between all brokers, one per ordered pair.
pub struct Network {
    config: NetworkConfig,
    random: Random,
    links: BTreeMap<(BrokerId, BrokerId), Link>,
    cut: BTreeSet<(BrokerId, BrokerId)>,
    under_way: BTreeMap<(Instant, u64), UnderWay>,
    sent: u64,
    counts: NetworkCounts,
}

impl Network {
    /// A network whose links all exist but are not connected yet: see [`Network::start`].
    #[must_use]
    pub fn new(config: NetworkConfig, seed: u64) -> Network {
        Network {
            config,
            random: Random::new(seed),
            links: BTreeMap::new(),
            cut: BTreeSet::new(),
            under_way: BTreeMap::new(),
            sent: 0,
            counts: NetworkCounts::default(),
        }
    }

    /// What was done so far.
    #[must_use]
    pub fn counts(&self) -> NetworkCounts {
        self.counts
    }

    /// Connects the links between `broker` and `others`, both ways, as after the start of its process.
    pub fn start(&mut self, now: Instant, broker: BrokerId, others: &[BrokerId]) {
        for other in others {
            self.reconnect(now, broker, *other);
            self.reconnect(now, *other, broker);
        }
    }

    /// Loses what is under way from and to `broker`, as when its process dies.
    pub fn stop(&mut self, broker: BrokerId) {
        for ((from, to), link) in &mut self.links {
            if *from == broker || *to == broker {
                link.life += 1;
            }
        }
    }

    /// Sends a message.
    pub fn send(&mut self, now: Instant, from: BrokerId, to: BrokerId, bytes: Bytes) {
        let breaks =
            self.config.break_one_in > 0 && self.random.below(self.config.break_one_in) == 0;
        if breaks && !self.cut.contains(&(from, to)) {
            self.counts.lost += 1;
            self.counts.broken += 1;
            self.reconnect(now, from, to);
            return;
        }
        let up = self
            .links
            .get(&(from, to))
            .is_some_and(|link| link.up_at <= now);
        if !up || self.cut.contains(&(from, to)) {
            self.counts.lost += 1;
            return;
        }
        self.carry(now, from, to, Arrival::Message { from, to, bytes });
    }

    /// Lets nothing through from one broker to another until [`Network::heal`].
    pub fn cut(&mut self, from: BrokerId, to: BrokerId) {
        self.cut.insert((from, to));
        self.links.entry((from, to)).or_default().life += 1;
    }

    /// Ends every partition and connects the links that were cut.
    pub fn heal(&mut self, now: Instant) {
        for (from, to) in std::mem::take(&mut self.cut) {
            self.reconnect(now, from, to);
        }
    }

    /// When the next thing arrives.
    #[must_use]
    pub fn next_at(&self) -> Option<Instant> {
        self.under_way.keys().next().map(|(at, _)| *at)
    }

    /// The next thing that has arrived by `now`, in the order of arrival.
    pub fn take(&mut self, now: Instant) -> Option<Arrival> {
        while let Some(entry) = self
            .under_way
            .first_entry()
            .filter(|entry| entry.key().0 <= now)
        {
            let UnderWay { life, arrival } = entry.remove();
            let (from, to) = match arrival {
                Arrival::Connected { at, to } => (at, to),
                Arrival::Message { from, to, .. } => (from, to),
            };
            let alive = self
                .links
                .get(&(from, to))
                .is_some_and(|link| link.life == life);
            let is_message = matches!(arrival, Arrival::Message { .. });
            if alive {
                self.counts.delivered += u64::from(is_message);
                return Some(arrival);
            }
            self.counts.lost += u64::from(is_message);
        }
        None
    }

    fn reconnect(&mut self, now: Instant, from: BrokerId, to: BrokerId) {
        let up_at = now + self.config.reconnect;
        let link = self.links.entry((from, to)).or_default();
        link.life += 1;
        link.up_at = up_at;
        link.last_arrival = up_at;
        let under_way = UnderWay {
            life: link.life,
            arrival: Arrival::Connected { at: from, to },
        };
        self.sent += 1;
        self.under_way.insert((up_at, self.sent), under_way);
    }

    fn carry(&mut self, now: Instant, from: BrokerId, to: BrokerId, arrival: Arrival) {
        let spread = self
            .config
            .delay_ns
            .end
            .saturating_sub(self.config.delay_ns.start)
            .max(1);
        let delay = Duration::from_nanos(self.config.delay_ns.start + self.random.below(spread));
        let link = self.links.entry((from, to)).or_default();
        let at = (now + delay).max(link.last_arrival);
        link.last_arrival = at;
        self.sent += 1;
        self.under_way.insert(
            (at, self.sent),
            UnderWay {
                life: link.life,
                arrival,
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: BrokerId = BrokerId(1);
    const TWO: BrokerId = BrokerId(2);

    fn connected(break_one_in: u64) -> Network {
        let config = NetworkConfig {
            delay_ns: 10..1000,
            break_one_in,
            reconnect: Duration::from_nanos(50),
        };
        let mut network = Network::new(config, 7);
        network.start(Instant(0), ONE, &[TWO]);
        while network.take(Instant(100)).is_some() {}
        network
    }

    fn message(number: u8) -> Bytes {
        Bytes::copy_from_slice(&[number])
    }

    fn arrivals(network: &mut Network) -> Vec<u8> {
        std::iter::from_fn(|| network.take(Instant(1 << 40)))
            .filter_map(|arrival| match arrival {
                Arrival::Message { bytes, .. } => Some(bytes[0]),
                Arrival::Connected { .. } => None,
            })
            .collect()
    }

    #[test]
    fn messages_of_a_link_arrive_in_the_order_of_sending() {
        let mut network = connected(0);
        for number in 0..100 {
            network.send(Instant(100 + u64::from(number)), ONE, TWO, message(number));
        }
        assert_eq!(arrivals(&mut network), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_cut_works_in_one_direction_and_loses_what_was_under_way() {
        let mut network = connected(0);
        network.send(Instant(100), ONE, TWO, message(1));
        network.cut(ONE, TWO);
        network.send(Instant(101), ONE, TWO, message(2));
        network.send(Instant(101), TWO, ONE, message(3));
        assert_eq!(arrivals(&mut network), [3]);
        assert_eq!(network.counts().lost, 2);
    }

    #[test]
    fn a_healed_link_says_that_it_is_connected_and_carries_again() {
        let mut network = connected(0);
        network.cut(ONE, TWO);
        network.heal(Instant(200));
        assert_eq!(
            network.take(Instant(250)),
            Some(Arrival::Connected { at: ONE, to: TWO })
        );
        network.send(Instant(251), ONE, TWO, message(4));
        assert_eq!(arrivals(&mut network), [4]);
    }

    #[test]
    fn a_broken_link_loses_a_message_and_reconnects() {
        let mut network = connected(1);
        network.send(Instant(100), ONE, TWO, message(1));
        assert_eq!(network.counts().broken, 1);
        assert_eq!(
            network.take(Instant(150)),
            Some(Arrival::Connected { at: ONE, to: TWO })
        );
        assert_eq!(arrivals(&mut network), Vec::<u8>::new());
    }
}
