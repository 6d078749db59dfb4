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
    /// Messages of a broken link that arrived after its successor was up.
    pub stale: u64,
    /// Messages that waited for a stalled link and arrived after all.
    pub stalled: u64,
    /// Messages that a slow network or link delayed.
    pub delayed: u64,
}

/// How long a stalled link keeps what it was given: after that its sender has given it up.
const STALL_MAX: Duration = Duration::from_secs(10);

#[derive(Default)]
struct Link {
    /// Grows when the link breaks: what was sent in an earlier life arrives late or never.
    life: u64,
    /// When the last message arrives; the next cannot be earlier.
    last_arrival: Instant,
    /// Nothing is carried before.
    up_at: Instant,
    /// Since when it stalls, and what waits.
    stalled: Option<(Instant, Vec<Arrival>)>,
    /// Until then each byte takes so many nanoseconds more.
    slow: (Instant, u64),
}

/// What a thing under way needs to arrive.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// The link in this life.
    Link(u64),
    /// Only the receiver, in this life: the connection it came on is gone, but the receiver's
    /// kernel has it.
    Receiver(u64),
}

struct UnderWay {
    needs: Needs,
    arrival: Arrival,
}

/// The links between all brokers, one per ordered pair.
///
/// It does what TCP connections with reconnection can do, and no more: on one connection messages
/// arrive in order and once. A connection that breaks loses what is under way, or it arrives late,
/// after messages of the connection that follows. There is no duplication: nobody sends again.
pub struct Network {
    config: NetworkConfig,
    random: Random,
    links: BTreeMap<(BrokerId, BrokerId), Link>,
    cut: BTreeSet<(BrokerId, BrokerId)>,
    under_way: BTreeMap<(Instant, u64), UnderWay>,
    /// Grows when a broker's process ends.
    lives: BTreeMap<BrokerId, u64>,
    /// Until then every delay is so many times as long.
    spike: (Instant, u64),
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
            lives: BTreeMap::new(),
            spike: (Instant(0), 1),
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
        *self.lives.entry(broker).or_default() += 1;
        for ((from, to), link) in &mut self.links {
            if *from == broker || *to == broker {
                link.life += 1;
                self.counts.lost += lose(&mut link.stalled);
            }
        }
    }

    /// Sends a message.
    pub fn send(&mut self, now: Instant, from: BrokerId, to: BrokerId, bytes: Bytes) {
        let breaks =
            self.config.break_one_in > 0 && self.random.below(self.config.break_one_in) == 0;
        if breaks && !self.cut.contains(&(from, to)) {
            self.counts.lost += 1;
            self.break_link(now, from, to);
            return;
        }
        let link = self.links.get_mut(&(from, to));
        let Some(link) = link.filter(|link| link.up_at <= now && !self.cut.contains(&(from, to)))
        else {
            self.counts.lost += 1;
            return;
        };
        let message = Arrival::Message { from, to, bytes };
        match &mut link.stalled {
            Some((_, waiting)) => waiting.push(message),
            None => self.carry(now, from, to, message),
        }
    }

    /// Breaks a link, which connects again at once. What is under way is lost or comes late.
    pub fn break_link(&mut self, now: Instant, from: BrokerId, to: BrokerId) {
        if self.cut.contains(&(from, to)) || !self.links.contains_key(&(from, to)) {
            return;
        }
        self.counts.broken += 1;
        self.make_late(from, to);
        self.reconnect(now, from, to);
    }

    /// Lets nothing through from one broker to another until [`Network::heal`].
    pub fn cut(&mut self, from: BrokerId, to: BrokerId) {
        self.cut.insert((from, to));
        let link = self.links.entry((from, to)).or_default();
        link.life += 1;
        self.counts.lost += lose(&mut link.stalled);
    }

    /// Lets nothing through until [`Network::heal`], but loses nothing if that is soon.
    pub fn stall(&mut self, now: Instant, from: BrokerId, to: BrokerId) {
        if let Some(link) = self.links.get_mut(&(from, to)) {
            link.stalled.get_or_insert_with(|| (now, Vec::new()));
        }
    }

    /// Makes each byte from one broker to another take so many nanoseconds more, until `until`.
    pub fn slow_down(&mut self, from: BrokerId, to: BrokerId, until: Instant, ns_per_byte: u64) {
        self.links.entry((from, to)).or_default().slow = (until, ns_per_byte);
    }

    /// Makes every delay `factor` times as long until `until`.
    pub fn spike(&mut self, until: Instant, factor: u64) {
        self.spike = (until, factor);
    }

    /// Ends every partition, stall and slowness, and connects the links that were cut.
    pub fn heal(&mut self, now: Instant) {
        self.spike = (Instant(0), 1);
        for (from, to) in std::mem::take(&mut self.cut) {
            self.reconnect(now, from, to);
        }
        let links: Vec<_> = self.links.keys().copied().collect();
        for (from, to) in links {
            let link = self.links.entry((from, to)).or_default();
            link.slow = (Instant(0), 0);
            let Some((since, waiting)) = link.stalled.take() else {
                continue;
            };
            if now.since(since) > STALL_MAX {
                self.counts.lost += waiting.len() as u64;
                self.counts.broken += 1;
                self.reconnect(now, from, to);
                continue;
            }
            self.counts.stalled += waiting.len() as u64;
            for message in waiting {
                self.carry(now, from, to, message);
            }
        }
    }

    /// When the next thing arrives.
    #[must_use]
    pub fn next_at(&self) -> Option<Instant> {
        let first = self.under_way.first_key_value();
        first.map(|((at, _), _)| *at)
    }

    /// The next thing that has arrived by `now`, in the order of arrival.
    pub fn take(&mut self, now: Instant) -> Option<Arrival> {
        while let Some(entry) = self
            .under_way
            .first_entry()
            .filter(|entry| entry.key().0 <= now)
        {
            let UnderWay { needs, arrival } = entry.remove();
            let (from, to) = arrival.link();
            let is_message = u64::from(matches!(arrival, Arrival::Message { .. }));
            let arrives = match needs {
                Needs::Link(life) => self.links.get(&(from, to)).is_some_and(|l| l.life == life),
                Needs::Receiver(life) => {
                    let arrives = self.life(to) == life && !self.cut.contains(&(from, to));
                    self.counts.stale += is_message * u64::from(arrives);
                    arrives
                }
            };
            if arrives {
                self.counts.delivered += is_message;
                return Some(arrival);
            }
            self.counts.lost += is_message;
        }
        None
    }

    fn life(&self, broker: BrokerId) -> u64 {
        self.lives.get(&broker).copied().unwrap_or_default()
    }

    /// Of what is under way on a link that breaks, the first part reached the receiver's kernel and
    /// comes late.
    fn make_late(&mut self, from: BrokerId, to: BrokerId) {
        let Some(link) = self.links.get(&(from, to)) else {
            return;
        };
        let needs = Needs::Link(link.life);
        let on_link: Vec<(Instant, u64)> = self
            .under_way
            .iter()
            .filter(|(_, u)| u.needs == needs && u.arrival.link() == (from, to))
            .filter(|(_, u)| matches!(u.arrival, Arrival::Message { .. }))
            .map(|(key, _)| *key)
            .collect();
        let late = self.random.below(on_link.len() as u64 + 1) as usize;
        let by = self.config.reconnect + Duration::from_millis(1 + self.random.below(1_000));
        let life = self.life(to);
        for key in &on_link[..late] {
            if let Some(mut under_way) = self.under_way.remove(key) {
                under_way.needs = Needs::Receiver(life);
                self.under_way.insert((key.0 + by, key.1), under_way);
            }
        }
    }

    fn reconnect(&mut self, now: Instant, from: BrokerId, to: BrokerId) {
        let up_at = now + self.config.reconnect;
        let link = self.links.entry((from, to)).or_default();
        link.life += 1;
        link.up_at = up_at;
        link.last_arrival = up_at;
        self.counts.lost += lose(&mut link.stalled);
        let under_way = UnderWay {
            needs: Needs::Link(link.life),
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
        let mut delay_ns = self.config.delay_ns.start + self.random.below(spread);
        let link = self.links.entry((from, to)).or_default();
        if now < self.spike.0 {
            delay_ns *= self.spike.1;
        }
        if now < link.slow.0
            && let Arrival::Message { bytes, .. } = &arrival
        {
            delay_ns += bytes.len() as u64 * link.slow.1;
        }
        self.counts.delayed += u64::from(now < self.spike.0 || now < link.slow.0);
        // A slow link carries one message after the other.
        let from_when = if now < link.slow.0 {
            now.max(link.last_arrival)
        } else {
            now
        };
        let at = (from_when + Duration::from_nanos(delay_ns)).max(link.last_arrival);
        link.last_arrival = at;
        self.sent += 1;
        self.under_way.insert(
            (at, self.sent),
            UnderWay {
                needs: Needs::Link(link.life),
                arrival,
            },
        );
    }
}

impl Arrival {
    /// The link it came on: from whom, to whom.
    fn link(&self) -> (BrokerId, BrokerId) {
        match self {
            Arrival::Connected { at, to } => (*at, *to),
            Arrival::Message { from, to, .. } => (*from, *to),
        }
    }
}

/// Ends a stall and says how many messages that loses.
fn lose(stalled: &mut Option<(Instant, Vec<Arrival>)>) -> u64 {
    stalled
        .take()
        .map_or(0, |(_, waiting)| waiting.len() as u64)
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
    fn a_stalled_link_carries_what_waited_when_it_is_healed_in_time() {
        let mut network = connected(0);
        network.stall(Instant(100), ONE, TWO);
        network.send(Instant(101), ONE, TWO, message(1));
        network.send(Instant(102), ONE, TWO, message(2));
        assert_eq!(network.take(Instant(1 << 30)), None);
        network.heal(Instant(1 << 30));
        assert_eq!(arrivals(&mut network), [1, 2]);
        assert_eq!(network.counts().stalled, 2);
    }

    #[test]
    fn what_a_link_stalled_too_long_held_is_lost() {
        let mut network = connected(0);
        network.stall(Instant(100), ONE, TWO);
        network.send(Instant(101), ONE, TWO, message(1));
        network.heal(Instant(200) + STALL_MAX);
        assert_eq!(arrivals(&mut network), Vec::<u8>::new());
        assert_eq!(network.counts().lost, 1);
    }

    #[test]
    fn messages_of_a_broken_link_come_late_or_never_but_in_order() {
        let mut late = 0;
        for seed in 0..20 {
            let mut network = connected(0);
            network.random = Random::new(seed);
            for number in 0..10 {
                network.send(Instant(100), ONE, TWO, message(number));
            }
            network.break_link(Instant(101), ONE, TWO);
            network.send(Instant(200), ONE, TWO, message(10));
            let seen = arrivals(&mut network);
            let stale: Vec<u8> = seen.iter().copied().filter(|n| *n < 10).collect();
            assert_eq!(stale, (0..stale.len() as u8).collect::<Vec<_>>());
            late = late.max(stale.len());
        }
        assert!(late > 0, "no message of any broken link came late");
    }

    #[test]
    fn what_is_late_does_not_reach_the_process_that_follows() {
        let mut network = connected(0);
        network.send(Instant(100), ONE, TWO, message(1));
        network.break_link(Instant(101), ONE, TWO);
        network.stop(TWO);
        network.start(Instant(300), TWO, &[ONE]);
        assert_eq!(arrivals(&mut network), Vec::<u8>::new());
    }

    #[test]
    fn a_slow_link_takes_time_for_every_byte() {
        let mut network = connected(0);
        network.slow_down(ONE, TWO, Instant(1 << 40), 1_000_000);
        network.send(Instant(100), ONE, TWO, Bytes::from(vec![7; 100]));
        assert_eq!(network.take(Instant(90_000_000)), None);
        assert!(network.take(Instant(110_000_000)).is_some());
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
