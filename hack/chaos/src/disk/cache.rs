//! The model of a disk with a volatile cache: what was written since the last flush may be lost, in any part, on a power cut.
//! It performs no I/O; `disk::serve` feeds it what the kernel sends.

use std::time::Instant;

use kring_io::Random;

/// What a disk writes atomically.
pub(crate) const SECTOR_BYTES: usize = 512;
/// The unit of memory; pages nobody wrote take none.
const PAGE_BYTES: usize = 4096;

/// An operation of the disk, for faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Read,
    Write,
    Flush,
}

/// What is wrong with the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing.
    None,
    /// The power is off: nothing works.
    Off,
    /// After `good` more of one operation all of them fail.
    Failing { operation: Operation, good: u64 },
    /// Nothing is answered until then.
    Hanging { until: Instant },
}

/// The disk failed the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failed;

/// What happened to it, since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    pub(crate) flushes: u64,
    pub(crate) cuts: u64,
    /// Sectors that were written and that a cut took back.
    pub(crate) lost_sectors: u64,
    /// Writes of which a cut left a part.
    pub(crate) torn_writes: u64,
    /// Writes that a cut left although it took back an older one.
    pub(crate) reordered_writes: u64,
    /// Operations that failed or waited because of a trouble other than a cut.
    pub(crate) troubled: u64,
}

/// A power cut to come: at an operation after `good` more of its kind.
#[derive(Debug)]
struct Doom {
    operation: Operation,
    good: u64,
    random: Random,
}

/// A write that is in the cache only.
#[derive(Debug)]
struct Unflushed {
    offset: usize,
    before: Vec<u8>,
    written: Vec<u8>,
}

/// The disk.
#[derive(Debug)]
pub(crate) struct Disk {
    pages: Vec<Option<Box<[u8]>>>,
    unflushed: Vec<Unflushed>,
    trouble: Trouble,
    /// Flushes are answered and not done.
    lies: bool,
    doom: Option<Doom>,
    counts: Counts,
}

impl Disk {
    /// A disk of `bytes`, a multiple of 4096, all zero.
    pub(crate) fn new(bytes: usize) -> Disk {
        Disk {
            pages: vec![None; bytes / PAGE_BYTES],
            unflushed: Vec::new(),
            trouble: Trouble::None,
            lies: false,
            doom: None,
            counts: Counts::default(),
        }
    }

    /// Its size.
    pub(crate) fn bytes(&self) -> usize {
        self.pages.len() * PAGE_BYTES
    }

    /// What happened so far.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// Makes something wrong, or right again.
    pub(crate) fn set_trouble(&mut self, trouble: Trouble) {
        self.trouble = trouble;
    }

    /// From now on the disk answers flushes without doing them, and a cut leaves nothing of what was
    /// written since: no broker can keep its promise on such a disk, and a test must notice.
    pub(crate) fn lie(&mut self) {
        self.lies = true;
    }

    /// The power goes after `good` more of an operation: during a write, when it is in the cache, or
    /// when a flush arrives, before it is done. So a cut comes when there is something to lose.
    pub(crate) fn doom(&mut self, operation: Operation, good: u64, random: Random) {
        self.doom = Some(Doom {
            operation,
            good,
            random,
        });
    }

    /// Whether the power is off.
    pub(crate) fn is_off(&self) -> bool {
        self.trouble == Trouble::Off
    }

    fn meet_doom(&mut self, operation: Operation) -> Result<(), Failed> {
        match &mut self.doom {
            Some(doom) if doom.operation == operation && doom.good == 0 => {
                let mut random = doom.random.clone();
                self.cut(&mut random);
                Err(Failed)
            }
            Some(doom) if doom.operation == operation => {
                doom.good -= 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// How long an operation that arrives now waits.
    pub(crate) fn hangs_until(&mut self) -> Option<Instant> {
        match self.trouble {
            Trouble::Hanging { until } if Instant::now() < until => {
                self.counts.troubled += 1;
                Some(until)
            }
            _ => None,
        }
    }

    fn admit(&mut self, operation: Operation) -> Result<(), Failed> {
        match &mut self.trouble {
            Trouble::Off => Err(Failed),
            Trouble::Failing {
                operation: failing,
                good,
            } if *failing == operation => {
                if *good == 0 {
                    self.counts.troubled += 1;
                    return Err(Failed);
                }
                *good -= 1;
                Ok(())
            }
            Trouble::None | Trouble::Failing { .. } | Trouble::Hanging { .. } => Ok(()),
        }
    }

    /// Reads; what is behind the end is left out.
    pub(crate) fn read(&mut self, offset: usize, bytes: usize) -> Result<Vec<u8>, Failed> {
        self.admit(Operation::Read)?;
        self.counts.reads += 1;
        let end = offset.saturating_add(bytes).min(self.bytes());
        Ok(self.copy_out(offset.min(end), end))
    }

    /// Writes into the cache; gives how many bytes fit.
    pub(crate) fn write(&mut self, offset: usize, data: &[u8]) -> Result<usize, Failed> {
        self.admit(Operation::Write)?;
        self.counts.writes += 1;
        let end = offset.saturating_add(data.len()).min(self.bytes());
        let offset = offset.min(end);
        let data = &data[..end - offset];
        let before = self.copy_out(offset, end);
        self.copy_in(offset, data);
        self.unflushed.push(Unflushed {
            offset,
            before,
            written: data.to_vec(),
        });
        let bytes = data.len();
        self.meet_doom(Operation::Write)?;
        Ok(bytes)
    }

    /// Makes everything written durable.
    pub(crate) fn flush(&mut self) -> Result<(), Failed> {
        self.admit(Operation::Flush)?;
        self.meet_doom(Operation::Flush)?;
        self.counts.flushes += 1;
        if !self.lies {
            self.unflushed.clear();
        }
        Ok(())
    }

    /// Takes the power away: of what was not flushed a random part is there afterwards. The disk is
    /// off until the trouble is set to none.
    pub(crate) fn cut(&mut self, random: &mut Random) {
        if self.is_off() {
            return;
        }
        self.trouble = Trouble::Off;
        self.doom = None;
        self.counts.cuts += 1;
        let unflushed = std::mem::take(&mut self.unflushed);
        for write in unflushed.iter().rev() {
            self.copy_in(write.offset, &write.before);
        }
        let way = match self.lies {
            true => Way::Nothing,
            false => Way::draw(random),
        };
        let mut lost_before = false;
        for write in &unflushed {
            let whole = way.keeps_write(random);
            let (mut kept, mut lost) = (0, 0);
            for (number, sector) in write.written.chunks(SECTOR_BYTES).enumerate() {
                if way.keeps_sector(whole, random) {
                    self.copy_in(write.offset + number * SECTOR_BYTES, sector);
                    kept += 1;
                } else {
                    lost += 1;
                }
            }
            self.counts.lost_sectors += lost;
            self.counts.torn_writes += u64::from(kept > 0 && lost > 0);
            self.counts.reordered_writes += u64::from(kept > 0 && lost_before);
            lost_before |= lost > 0;
        }
    }

    fn copy_out(&self, mut offset: usize, end: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(end - offset);
        while offset < end {
            let (page, within) = (offset / PAGE_BYTES, offset % PAGE_BYTES);
            let count = (PAGE_BYTES - within).min(end - offset);
            match &self.pages[page] {
                Some(page) => out.extend_from_slice(&page[within..within + count]),
                None => out.resize(out.len() + count, 0),
            }
            offset += count;
        }
        out
    }

    fn copy_in(&mut self, mut offset: usize, mut data: &[u8]) {
        while !data.is_empty() {
            let (page, within) = (offset / PAGE_BYTES, offset % PAGE_BYTES);
            let count = (PAGE_BYTES - within).min(data.len());
            let page =
                self.pages[page].get_or_insert_with(|| vec![0; PAGE_BYTES].into_boxed_slice());
            page[within..within + count].copy_from_slice(&data[..count]);
            offset += count;
            data = &data[count..];
        }
    }
}

/// What a power cut leaves.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Nothing that was not flushed.
    Nothing,
    /// Whole writes, each by chance, so in any order.
    Writes,
    /// Sectors, each by chance, so that writes are torn.
    Sectors,
    /// Whole writes by chance, and of the others sectors by chance.
    Both,
}

impl Way {
    fn draw(random: &mut Random) -> Way {
        match random.below(4) {
            0 => Way::Nothing,
            1 => Way::Writes,
            2 => Way::Sectors,
            _ => Way::Both,
        }
    }

    fn keeps_write(self, random: &mut Random) -> bool {
        match self {
            Way::Nothing | Way::Sectors => false,
            Way::Writes | Way::Both => random.below(2) == 0,
        }
    }

    fn keeps_sector(self, whole: bool, random: &mut Random) -> bool {
        match self {
            Way::Nothing => false,
            Way::Writes => whole,
            Way::Sectors | Way::Both => whole || random.below(2) == 0,
        }
    }
}
