//! Carries faults out on machines, links and clients' connections, within the budget.
//! It draws none; see `faults::draw`.

use std::time::Duration;

use bytes::Bytes;
use kring_io::{BrokerId, Instant, Random};
use kring_io_sim::{Fault as DiskFault, FaultKind, OpClass, SimDisk};
use kring_requests::Event;

use super::{Due, World};
use crate::faults::kind::Kind;
use crate::faults::{ClientCut, Damage, Fault, FileClass, For, Stray};
use crate::machine::Machine;

/// `EIO`.
const EIO: i32 = 5;
/// Bytes that a full disk has left, so that it fills under way.
const FULL_LEFT_BYTES: u64 = 8 << 10;
/// How many times as long a slow disk takes.
const SLOW_DISK_FACTOR: u64 = 50;
/// Nanoseconds that a slow link takes for a byte: a megabyte takes a second.
const SLOW_LINK_NS: u64 = 1_000;
/// How far a misdirected write misses, in bytes.
const MISDIRECTED_BYTES: u64 = 8 << 10;

impl World {
    /// Carries a fault out, if the budget allows it.
    pub(super) fn strike(&mut self, fault: &Fault) {
        let text = fault.to_string();
        tracing::info!(at_ms = self.now.0 / 1_000_000, "fault: {text}");
        self.trace.add(self.now, 7, 0, text.as_bytes());
        if let Some(broker) = fault.damages()
            && !self.allows_damage(broker)
        {
            self.skipped += 1;
            return;
        }
        match fault {
            Fault::PowerLoss(of) => self.plan_power_loss(of),
            Fault::Kill(of) => self.kill(of),
            Fault::RotTail {
                broker,
                damage,
                down,
            } => self.rot_tail(*broker, *damage, down),
            Fault::Restart(of) => self.ask_to_end(of.broker, of.ms),
            Fault::Roll { upgrade } => self.begin_roll(*upgrade),
            Fault::Storm {
                broker,
                times,
                every_ms,
            } => self.storm(*broker, *times, *every_ms),
            Fault::Pause(of) => self.pause(*of),
            Fault::ReplaceDisk(of) => self.replace_disk(*of),
            Fault::ClockJump { broker, ahead_ms } => self.jump(*broker, *ahead_ms),
            Fault::Rot { .. }
            | Fault::Stray { .. }
            | Fault::DiskError { .. }
            | Fault::DiskFull(_)
            | Fault::SlowDisk(_)
            | Fault::SlowSyncs(_)
            | Fault::HungDisk(_) => self.strike_disk(fault),
            fault => self.strike_network(fault),
        }
    }

    fn allows_damage(&mut self, broker: BrokerId) -> bool {
        let mut budget = self.budget;
        let allowed = budget.allows_damage(broker, |before| {
            let disk = self.machines.get(&before).map(Machine::disk);
            disk.is_none_or(|disk| disk.damaged_sectors() == 0) && self.is_whole()
        });
        self.budget = budget;
        allowed
    }

    fn until(&self, ms: u64) -> Instant {
        self.now + Duration::from_millis(ms)
    }

    fn up(&mut self, broker: BrokerId) -> Option<&mut Machine> {
        self.machines.get_mut(&broker).filter(|m| m.is_up())
    }

    pub(super) fn lose_power(&mut self, of: &[For]) {
        if of.len() == self.machines.len() {
            self.counts.hit(Kind::Blackout);
        }
        for For { broker, ms } in of {
            let Some(machine) = self.up(*broker) else {
                continue;
            };
            machine.lose_power();
            self.counts.hit(Kind::PowerLoss);
            self.process_gone(*broker);
            self.start_at(self.until(*ms), *broker);
        }
    }

    fn kill(&mut self, of: &[For]) {
        if of.len() == self.machines.len() {
            self.counts.hit(Kind::KillAll);
        }
        for For { broker, ms } in of {
            let now = self.now;
            let Some(machine) = self.up(*broker) else {
                continue;
            };
            machine.kill(now);
            self.counts.hit(Kind::Kill);
            self.process_gone(*broker);
            self.start_at(self.until(*ms), *broker);
        }
    }

    fn storm(&mut self, broker: BrokerId, times: u64, every_ms: u64) {
        if self.up(broker).is_some() {
            self.counts.hit(Kind::Storm);
        }
        let ms = every_ms / 3;
        self.kill(&[For { broker, ms }]);
        for round in 1..times {
            let kill = Fault::Kill(vec![For { broker, ms }]);
            self.later(self.until(round * every_ms), Due::Fault(kill));
        }
    }

    fn pause(&mut self, of: For) {
        let until = self.until(of.ms);
        if let Some(machine) = self.up(of.broker) {
            machine.pause(until);
            self.counts.hit(Kind::Pause);
        }
    }

    fn replace_disk(&mut self, of: For) {
        let Some(machine) = self.machines.get_mut(&of.broker) else {
            return;
        };
        let was_up = machine.is_up();
        machine.lose_power();
        machine.replace_disk();
        self.counts.hit(Kind::ReplacedDisk);
        if was_up {
            self.process_gone(of.broker);
            self.start_at(self.until(of.ms), of.broker);
        }
    }

    fn jump(&mut self, broker: BrokerId, ahead_ms: i64) {
        let Some(machine) = self.machines.get_mut(&broker) else {
            return;
        };
        let kind = if ahead_ms > machine.ahead_ms() {
            Kind::ClockForwards
        } else {
            Kind::ClockBackwards
        };
        machine.set_ahead_ms(ahead_ms);
        self.counts.hit(kind);
    }

    fn strike_disk(&mut self, fault: &Fault) {
        let now = self.now;
        match fault {
            Fault::Rot {
                broker,
                class,
                damage,
                pick,
            } => self.rot(*broker, *class, *damage, *pick),
            Fault::Stray { broker, class, how } => {
                let kind = match how {
                    Stray::Lost => FaultKind::Lost,
                    Stray::Misdirected => FaultKind::Misdirected(MISDIRECTED_BYTES),
                };
                let class = (*class, OpClass::Write);
                self.inject(*broker, class, 1, kind);
            }
            Fault::DiskError {
                broker,
                op,
                class,
                times,
            } => self.inject(*broker, (*class, *op), *times, FaultKind::Io(EIO)),
            Fault::DiskFull(of) => {
                if let Some(machine) = self.machines.get_mut(&of.broker) {
                    let disk = machine.disk_mut(now);
                    disk.set_capacity(disk.used_bytes() + FULL_LEFT_BYTES);
                    self.later(self.until(of.ms), Due::SpaceAgain(of.broker));
                }
            }
            Fault::SlowDisk(of) | Fault::SlowSyncs(of) | Fault::HungDisk(of) => {
                let until = self.until(of.ms);
                if let Some(machine) = self.machines.get_mut(&of.broker) {
                    let disk = machine.disk_mut(now);
                    match fault {
                        Fault::SlowDisk(_) => disk.slow_down(until, SLOW_DISK_FACTOR),
                        Fault::SlowSyncs(_) => disk.slow_syncs(until, Duration::from_secs(3)),
                        _ => disk.hang(until),
                    }
                }
            }
            _ => {}
        }
    }

    fn inject(
        &mut self,
        broker: BrokerId,
        (class, op): (FileClass, OpClass),
        times: u64,
        kind: FaultKind,
    ) {
        let fault = DiskFault {
            path_contains: class.pattern().to_owned(),
            class: op,
            skip: 0,
            times: u32::try_from(times).unwrap_or(1),
            kind,
        };
        if let Some(machine) = self.machines.get_mut(&broker) {
            machine.disk_mut(self.now).inject(fault);
        }
    }

    fn rot(&mut self, broker: BrokerId, class: FileClass, damage: Damage, pick: u64) {
        let mut random = Random::new(pick);
        let Some(machine) = self.machines.get_mut(&broker) else {
            return;
        };
        let disk = machine.disk_mut(self.now);
        let Some((path, byte)) = place(disk, class, &mut random) else {
            return;
        };
        let done = spoil(disk, (&path, byte), damage, &mut random);
        // One damaged page of a block of the journal is mended. Two are a hole.
        if done && class == FileClass::Journal && random.below(2) == 0 {
            spoil(disk, (&path, byte + 4096), damage, &mut random);
        }
        if done {
            self.counts.hit(match class {
                FileClass::Journal => Kind::RotJournal,
                FileClass::Checkpoint => Kind::RotCheckpoint,
                FileClass::Segment => Kind::RotSegment,
                FileClass::Meta => Kind::RotMeta,
            });
        }
    }

    fn rot_tail(&mut self, broker: BrokerId, damage: Damage, down: &[For]) {
        let now = self.now;
        let last = self.machines.get(&broker).and_then(|m| {
            let up = m.is_up();
            up.then(|| m.disk().last_write(FileClass::Journal.pattern()))?
        });
        self.lose_power(down);
        let Some((path, offset, _)) = last else {
            return;
        };
        // The header of the block: the rest may be padding, whose damage harms nobody.
        let byte = offset + self.random.below(44);
        if let Some(machine) = self.machines.get_mut(&broker) {
            let disk = machine.disk_mut(now);
            if spoil(disk, (&path, byte), damage, &mut self.random) {
                self.counts.hit(Kind::RotTail);
            }
        }
    }

    fn strike_network(&mut self, fault: &Fault) {
        match fault {
            Fault::DelaySpike { ms, factor } => {
                self.counts.hit(Kind::DelaySpike);
                self.network.spike(self.until(*ms), *factor);
            }
            Fault::SlowLink { from, to, ms } => {
                self.counts.hit(Kind::SlowLink);
                let until = self.until(*ms);
                self.network.slow_down(*from, *to, until, SLOW_LINK_NS);
            }
            Fault::BreakLinks(broker) => {
                for other in self.others(*broker) {
                    self.network.break_link(self.now, *broker, other);
                    self.network.break_link(self.now, other, *broker);
                }
            }
            Fault::Isolate(broker) => {
                self.counts.hit(Kind::Isolation);
                for other in self.others(*broker) {
                    self.cut_both(*broker, other);
                }
            }
            Fault::Deafen { from, to } => {
                self.counts.hit(Kind::OneWay);
                self.network.cut(*from, *to);
            }
            Fault::Bridge { one, other } => {
                self.counts.hit(Kind::Bridge);
                self.cut_both(*one, *other);
            }
            Fault::SplitAll => {
                self.counts.hit(Kind::SplitAll);
                let all: Vec<BrokerId> = self.machines.keys().copied().collect();
                for one in &all {
                    for other in self.others(*one) {
                        self.network.cut(*one, other);
                    }
                }
            }
            Fault::Stall(broker) => {
                for other in self.others(*broker) {
                    self.network.stall(self.now, *broker, other);
                    self.network.stall(self.now, other, *broker);
                }
            }
            Fault::Heal => self.heal(),
            Fault::ClientCut { third, broker, cut } => self.cut_clients(*third, *broker, *cut),
            Fault::ClientReset(broker) => {
                self.counts.hit(Kind::ClientReset);
                self.disconnect_all(*broker);
            }
            Fault::NewerMessage { from, to, pick } => self.newer_message(*from, *to, *pick),
            _ => {}
        }
    }

    pub(super) fn heal(&mut self) {
        self.network.heal(self.now);
        self.deliver_late();
    }

    fn others(&self, broker: BrokerId) -> Vec<BrokerId> {
        let all = self.machines.keys().copied();
        all.filter(|other| *other != broker).collect()
    }

    fn cut_both(&mut self, one: BrokerId, other: BrokerId) {
        self.network.cut(one, other);
        self.network.cut(other, one);
    }

    fn cut_clients(&mut self, third: u64, broker: BrokerId, cut: ClientCut) {
        self.cuts.insert((third % 3, broker), cut);
    }

    /// What a version to come may send while a cluster is rolled: a kind of message, a format and a
    /// content that this version does not know.
    fn newer_message(&mut self, from: BrokerId, to: BrokerId, pick: u64) {
        let mut random = Random::new(pick);
        let mut message = match random.below(3) {
            0 => vec![1, 2],
            1 => vec![2, 2],
            _ => vec![3 + random.below(250) as u8],
        };
        let length = random.below(64);
        message.extend((0..length).map(|_| random.below(256) as u8));
        if self.up(to).is_some() {
            self.counts.hit(Kind::NewerMessage);
            let message = Bytes::from(message);
            self.with(to, |machine, at, out| {
                machine.take(at, Event::Peer { from, message }, out)
            });
        }
    }
}

/// Damages a byte of a file, or the sector around it.
fn spoil(
    disk: &mut SimDisk,
    (path, byte): (&str, u64),
    damage: Damage,
    random: &mut Random,
) -> bool {
    let mut sector = [0; 512];
    match damage {
        Damage::Bit => disk.flip_bit(path, byte, random.below(8) as u8),
        Damage::Zeros => disk.spoil_sector(path, byte, &sector),
        Damage::Noise => {
            sector.fill_with(|| random.below(256) as u8);
            disk.spoil_sector(path, byte, &sector)
        }
    }
}

/// Where to damage: half of the time where something was written last, which is what matters most
/// of a journal, else anywhere. Not where nothing but zeros is: that would hide most of the damage.
fn place(disk: &SimDisk, class: FileClass, random: &mut Random) -> Option<(String, u64)> {
    if random.below(2) == 0
        && let Some((path, offset, len)) = disk.last_write(class.pattern())
    {
        let byte = offset + random.below(len.max(1));
        let there = disk.content(&path).is_some_and(|c| byte < c.len() as u64);
        return there.then_some((path, byte));
    }
    let mut paths = disk.paths();
    paths.retain(|path| path.contains(class.pattern()));
    if paths.is_empty() {
        return None;
    }
    let path = paths.swap_remove(random.below(paths.len() as u64) as usize);
    let content = disk.content(&path).filter(|content| !content.is_empty())?;
    let byte = (0..16)
        .map(|_| random.below(content.len() as u64))
        .find(|at| content[*at as usize] != 0)?;
    Some((path, byte))
}
