//! How long a durable journal write takes with each driver: `cargo run --release --example flush -- DIR`.
//! It measures one write at a time on a file that was written before, as the journal's are; it is no test.

#![allow(clippy::unwrap_used, reason = "a measurement by hand")]

use std::path::PathBuf;
use std::time::Instant;

use kring_io::{Buffer, Disk, DiskOp, FileId, FileKind, OpId};
use kring_io_linux::{DriverChoice, open};

const FILE_BYTES: usize = 16 << 20;
const WRITES: usize = 2000;

fn run(disk: &mut dyn Disk, id: &mut u64, op: DiskOp) -> Option<Buffer> {
    *id += 1;
    disk.submit(OpId(*id), op);
    let mut done = Vec::new();
    while done.is_empty() {
        disk.wait(None, &mut done);
    }
    let done = done.pop().unwrap();
    done.result.unwrap();
    done.buffer
}

fn main() {
    let dir = std::env::args()
        .nth(1)
        .map_or_else(|| ".".into(), PathBuf::from);
    for round in 0..2 {
        for choice in [DriverChoice::IoUring, DriverChoice::Posix] {
            for bytes in [4096, 65_536, 262_144] {
                measure(&dir, choice, bytes, round);
            }
        }
    }
}

fn measure(dir: &std::path::Path, choice: DriverChoice, bytes: usize, round: u32) {
    let mut driver = open(dir, choice).unwrap();
    let disk = driver.disk.as_mut();
    let mut id = 0;
    let file = FileId(0);
    let open = DiskOp::Open {
        file,
        path: "flush-measurement".to_owned(),
        kind: FileKind::Journal,
        create: true,
    };
    run(disk, &mut id, open);
    let write = |offset: usize, buffer: Buffer, durable| DiskOp::Write {
        file,
        offset: offset as u64,
        buffer,
        durable,
    };
    for offset in (0..FILE_BYTES).step_by(1 << 20) {
        run(disk, &mut id, write(offset, Buffer::zeroed(1 << 20), false));
    }
    run(disk, &mut id, DiskOp::Sync { file });
    let mut buffer = Buffer::zeroed(bytes);
    let mut times_us = Vec::with_capacity(WRITES);
    for n in 0..WRITES {
        let started = Instant::now();
        let offset = n * bytes % FILE_BYTES;
        buffer = run(disk, &mut id, write(offset, buffer, true)).unwrap();
        times_us.push(started.elapsed().as_micros());
    }
    times_us.sort_unstable();
    println!(
        "round {round} {:8} {bytes:6} bytes: median {} µs, p99 {} µs",
        driver.name,
        times_us[WRITES / 2],
        times_us[WRITES * 99 / 100]
    );
    let path = "flush-measurement".to_owned();
    run(disk, &mut id, DiskOp::Remove { path });
}
