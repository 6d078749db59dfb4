//! A yardstick for processor time: the least that a broker does for a batch. It receives it, checksums it, writes it past
//! the page cache until it is durable, and answers. It keeps nothing that could be read again, and knows no topic.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::thread;

use bytes::{BufMut, BytesMut};
use kring_wire::batch::check_crc;
use kring_wire::encode;
use rustix::fs::OFlags;
use rustix::time::{ClockId, clock_gettime};

use crate::batch::Batch;
use crate::produce::{self, Producing};

const TOPIC: &str = "yardstick";
const ALIGNMENT_BYTES: usize = 4096;
/// Each connection writes its part of the file again and again, as a journal does.
const PART_BYTES: u64 = 32 << 20;
/// A frame beside its batch.
const HEAD_BYTES_MAX: usize = 256;

/// Puts a load on the yardstick; gives its processor time in seconds per GB of payload.
pub(crate) fn measure(folder: &Path, batch: &Batch, load: Producing) -> Result<f64, String> {
    let path = folder.join("yardstick");
    let file = open(&path, load.connections as u64 * PART_BYTES)
        .map_err(|e| format!("{}: {e}", path.display()))?;
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|e| format!("the yardstick: {e}"))?;
    let address = listener
        .local_addr()
        .map_err(|e| format!("the yardstick: {e}"))?;
    let partitions: Vec<i32> = (0..).take(load.connections).collect();
    let measured = thread::scope(|scope| {
        let workers = scope.spawn(|| {
            let workers: Vec<_> = (0..load.connections)
                .map(|number| {
                    let (stream, _) = listener.accept()?;
                    let at = number as u64 * PART_BYTES;
                    let file = &file;
                    Ok(scope.spawn(move || serve(stream, file, at, batch)))
                })
                .collect::<std::io::Result<_>>()?;
            let mut cpu_s = 0.0;
            for worker in workers {
                cpu_s += worker
                    .join()
                    .map_err(|_| std::io::Error::other("a worker panicked"))??;
            }
            Ok::<f64, std::io::Error>(cpu_s)
        });
        let produced = produce::run(address, TOPIC, &partitions, batch, load)?;
        let cpu_s = workers
            .join()
            .map_err(|_| "the yardstick panicked".to_owned())?
            .map_err(|e| format!("the yardstick: {e}"))?;
        Ok(cpu_s / (produced.payload_bytes as f64 / 1e9))
    });
    let _ = std::fs::remove_file(&path);
    measured
}

/// A file that has all its blocks, for writes past the page cache.
fn open(path: &Path, bytes: u64) -> std::io::Result<File> {
    let mut file = File::create(path)?;
    let zeros = vec![0; 1 << 20];
    for _ in 0..bytes.div_ceil(1 << 20) {
        file.write_all(&zeros)?;
    }
    file.sync_all()?;
    let durable = |flags: OFlags| {
        let flags = (flags | OFlags::DSYNC).bits().cast_signed();
        OpenOptions::new()
            .write(true)
            .custom_flags(flags)
            .open(path)
    };
    // Some file systems of older kernels have no way past the page cache.
    durable(OFlags::DIRECT).or_else(|_| durable(OFlags::empty()))
}

/// Serves a connection to its end; gives the processor time of its thread in seconds.
fn serve(mut stream: TcpStream, file: &File, at: u64, batch: &Batch) -> std::io::Result<f64> {
    stream.set_nodelay(true)?;
    let room_bytes = (batch.bytes.len() + HEAD_BYTES_MAX).next_multiple_of(ALIGNMENT_BYTES);
    let mut memory = vec![0; room_bytes + ALIGNMENT_BYTES];
    let begin = memory.as_ptr().align_offset(ALIGNMENT_BYTES);
    let buffer = &mut memory[begin..][..room_bytes];
    let mut written_bytes = 0;
    let mut length = [0; 4];
    loop {
        match stream.read_exact(&mut length) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
            read => read?,
        }
        let length = u32::from_be_bytes(length) as usize;
        let frame = buffer.get_mut(..length).ok_or(ErrorKind::InvalidData)?;
        stream.read_exact(frame)?;
        let sent = &frame[length - batch.bytes.len()..];
        check_crc(sent).map_err(std::io::Error::other)?;
        let answer = answer(&frame[4..8]);
        file.write_all_at(
            &buffer[..length.next_multiple_of(ALIGNMENT_BYTES)],
            at + written_bytes,
        )?;
        written_bytes += room_bytes as u64;
        if written_bytes + room_bytes as u64 > PART_BYTES {
            written_bytes = 0;
        }
        stream.write_all(&answer)?;
    }
    let took = clock_gettime(ClockId::ThreadCPUTime);
    Ok(took.tv_sec as f64 + took.tv_nsec as f64 / 1e9)
}

/// As a broker's, of the version that the load sends.
fn answer(correlation: &[u8]) -> BytesMut {
    let mut buf = BytesMut::with_capacity(64);
    buf.put_i32(0);
    buf.put_slice(correlation);
    encode::array(&mut buf, false, Some(1));
    encode::string(&mut buf, false, Some(TOPIC));
    encode::array(&mut buf, false, Some(1));
    buf.put_i32(0);
    buf.put_i16(0);
    for offset in [0, -1, 0] {
        buf.put_i64(offset);
    }
    buf.put_i32(0);
    crate::frame::finish(&mut buf, 0);
    buf
}
