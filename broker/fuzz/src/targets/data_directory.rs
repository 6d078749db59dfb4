//! A data directory with damage: recovery, the rebuild of what lies in segments, and reads of all that is there.
//! Whatever the damage, nothing is served that was not written, and nothing twice or out of order.

use std::sync::OnceLock;

use bytes::Bytes;
use kring_io::{Disk, Effects, Now};
use kring_io_sim::{SimDisk, SimDiskConfig};
use kring_log::{Log, LogConfig, LogEvent, Read, TopicLogConfig};
use kring_wire::{BatchBuilder, TopicId, TopicPartition};

const WALL_MS: i64 = 1_700_000_000_000;
/// Batches written, each with one record that names it.
const BATCHES: u32 = 120;
/// Damages of one input at most.
const DAMAGES_MAX: usize = 16;
/// Steps after which something stands still.
const STEPS_MAX: usize = 100_000;

fn config() -> LogConfig {
    LogConfig {
        journal_file_bytes: 64 << 10,
        journal_files: 4,
        journal_zeroed_at_start_bytes: 16 << 10,
        commit_group_bytes_max: 8 << 10,
        checkpoint_bytes: 64 << 10,
        segment_flush_bytes: 2 << 10,
        tail_cache_bytes: 64 << 10,
        state_value_bytes_max: 4 << 10,
        ..LogConfig::default()
    }
}

fn tp() -> TopicPartition {
    TopicPartition::new(TopicId([7; 16]), 0)
}

/// The content of a directory: path and bytes.
type Image = Vec<(String, Vec<u8>)>;

/// Damages journal files.
pub(super) fn journal(data: &[u8]) {
    damaged(data, |path| path.starts_with("journal-"));
}

/// Damages checkpoints.
pub(super) fn checkpoint(data: &[u8]) {
    damaged(data, |path| path.starts_with("checkpoint-"));
}

/// Damages segments.
pub(super) fn segment(data: &[u8]) {
    damaged(data, |path| path.ends_with(".log"));
}

/// Each four bytes are a damage: where (three bytes, scaled to the files) and what is changed there.
fn damaged(data: &[u8], kind: fn(&str) -> bool) {
    static IMAGE: OnceLock<Image> = OnceLock::new();
    let mut image = IMAGE.get_or_init(written).clone();
    let files: Vec<usize> = (0..image.len()).filter(|at| kind(&image[*at].0)).collect();
    let total: usize = files.iter().map(|at| image[*at].1.len()).sum();
    assert!(total > 0, "there is something to damage");
    for damage in data.chunks_exact(4).take(DAMAGES_MAX) {
        let place =
            usize::from(damage[0]) << 16 | usize::from(damage[1]) << 8 | usize::from(damage[2]);
        let mut place = place % total;
        for at in &files {
            let bytes = &mut image[*at].1;
            if place < bytes.len() {
                bytes[place] ^= damage[3];
                break;
            }
            place -= bytes.len();
        }
    }
    serve(&image);
}

/// Starts a log on an image and reads all it serves. A refusal is an answer, too.
fn serve(image: &Image) {
    let mut rig = Rig::new(image);
    if !rig.start() {
        return;
    }
    let Some(state) = rig.log.state(tp()) else {
        return;
    };
    let mut from = state.log_start;
    while from < state.high_watermark {
        let Some(parts) = rig.read(from, state.high_watermark) else {
            return;
        };
        let before = from;
        for (offset, value) in records(&parts) {
            assert!(offset >= from, "offsets rise");
            let written = u32::try_from(offset).expect("few records were written");
            assert_eq!(
                value,
                written.to_be_bytes(),
                "only what was written is served"
            );
            from = offset + 1;
        }
        if from == before {
            return;
        }
    }
}

fn records(parts: &[Bytes]) -> Vec<(i64, Vec<u8>)> {
    let mut found = Vec::new();
    for bytes in parts {
        for batch in kring_wire::batches(bytes) {
            let (header, batch) = batch.expect("what is served are whole batches");
            kring_wire::batch::check_crc(&batch).expect("what is served verifies");
            let records =
                kring_wire::records(&header, &batch).expect("what was written is not compressed");
            for record in records {
                let record = record.expect("what verifies is what was written");
                let value = record.value.expect("every record was written with a value");
                found.push((record.offset, value.to_vec()));
            }
        }
    }
    found
}

/// A directory with a checkpoint, segments and a journal behind it.
fn written() -> Image {
    let mut rig = Rig::new(&Vec::new());
    assert!(rig.start(), "an empty directory becomes a log");
    rig.log.create(
        tp(),
        "topic",
        TopicLogConfig {
            segment_bytes: 4 << 10,
            ..TopicLogConfig::default()
        },
    );
    for number in 0..BATCHES {
        let mut batch = BatchBuilder::new();
        batch.push(WALL_MS, Some(b"key"), Some(&number.to_be_bytes()));
        let appended = rig
            .log
            .append(rig.now(), tp(), 0, batch.build())
            .expect("there is room");
        rig.settle();
        rig.log.set_high_watermark(tp(), appended.last_offset + 1);
        rig.settle();
    }
    rig.image()
}

struct Rig {
    disk: SimDisk,
    log: Log,
    out: Effects,
    events: Vec<LogEvent>,
}

impl Rig {
    fn new(image: &Image) -> Rig {
        let mut disk = SimDisk::new(1, SimDiskConfig::default());
        for (path, bytes) in image {
            disk.put_file(path, bytes);
        }
        Rig {
            disk,
            log: Log::new(config(), 1),
            out: Effects::default(),
            events: Vec::new(),
        }
    }

    fn image(&self) -> Image {
        let file = |path: String| {
            let bytes = self.disk.content(&path).unwrap_or_default().to_vec();
            (path, bytes)
        };
        self.disk.paths().into_iter().map(file).collect()
    }

    fn now(&self) -> Now {
        Now {
            mono: self.disk.now(),
            wall_ms: WALL_MS,
        }
    }

    /// Whether the log recovered.
    fn start(&mut self) -> bool {
        self.log.start(self.now(), &mut self.out);
        for _ in 0..STEPS_MAX {
            self.step();
            for event in self.events.drain(..) {
                match event {
                    LogEvent::Recovered(_) => return true,
                    LogEvent::Failed(_) => return false,
                    _ => {}
                }
            }
        }
        panic!("recovery does not end");
    }

    /// What a read gives, none if it is refused.
    fn read(&mut self, from: i64, upto: i64) -> Option<Vec<Bytes>> {
        let now = self.now();
        let wanted = match self
            .log
            .read(now, tp(), from, upto, 16 << 10, &mut self.out)
        {
            Read::Ready(parts) => return Some(parts),
            Read::Pending(id) => id,
            _ => return None,
        };
        for _ in 0..STEPS_MAX {
            self.step();
            for event in self.events.drain(..) {
                if let LogEvent::ReadDone { id, result } = event
                    && id == wanted
                {
                    return result.ok();
                }
            }
        }
        panic!("a read does not end");
    }

    fn submit(&mut self) {
        self.log.submit(self.now(), &mut self.out);
        for (id, op) in self.out.disk.drain(..) {
            self.disk.submit(id, op);
        }
    }

    fn step(&mut self) {
        self.submit();
        let wish = self.out.wake_at.take();
        let next = self.disk.next_completion().into_iter().chain(wish).min();
        if let Some(at) = next {
            self.disk.set_now(at);
        }
        let mut done = Vec::new();
        self.disk.poll(&mut done);
        let now = self.now();
        for completion in done {
            self.log
                .on_disk(now, completion, &mut self.out, &mut self.events);
        }
        if wish.is_some_and(|at| at <= now.mono) {
            self.log.on_wake(now, &mut self.out, &mut self.events);
        } else if let Some(at) = wish {
            self.out.wake_at(at);
        }
        self.submit();
    }

    /// Runs until no operation is under way.
    fn settle(&mut self) {
        self.submit();
        for _ in 0..STEPS_MAX {
            if self.disk.next_completion().is_none() {
                self.events.clear();
                return;
            }
            self.step();
        }
        panic!("the log does not settle");
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    // One flipped bit in the first of 256 equal parts of the files, then in the next, and so on.
    (0..=255_u8)
        .map(|part| vec![part, 17, 3, 1 << (part % 8)])
        .collect()
}
