//! Snappy as Kafka's clients write it: blocks in the framing of Xerial's Java library, or one bare block.
//! It is not Snappy's own framing format, which Kafka does not use.

use std::io;

use bytes::{Buf, Bytes};

/// What Xerial's framing begins with.
const MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];

/// Magic, version, oldest compatible version.
const HEADER_BYTES: usize = 16;

/// Version and oldest compatible version that are written.
const VERSIONS: [u8; 8] = [0, 0, 0, 1, 0, 0, 0, 1];

/// Bytes in a block that is written, as the Java library does.
const BLOCK_BYTES: usize = 32 << 10;

/// Three bytes of a block make at most 64 bytes, so a claim above this times its length is false.
const RATIO_MAX: usize = 32;

/// `None`: more than `max_bytes` would come out.
pub(super) fn decompress(payload: &Bytes, max_bytes: usize) -> io::Result<Option<Bytes>> {
    let mut out = Vec::new();
    if !payload.starts_with(&MAGIC) {
        let fits = append_block(&mut out, payload, max_bytes)?;
        return Ok(fits.then(|| Bytes::from(out)));
    }
    if payload.len() < HEADER_BYTES {
        return Err(invalid("the framing's header is cut"));
    }
    let mut rest = payload.slice(HEADER_BYTES..);
    while !rest.is_empty() {
        if rest.len() < 4 {
            return Err(invalid("the length of a block is cut"));
        }
        let length = rest.get_u32() as usize;
        if length > rest.len() {
            return Err(invalid("a block is cut"));
        }
        if !append_block(&mut out, &rest.split_to(length), max_bytes)? {
            return Ok(None);
        }
    }
    Ok(Some(Bytes::from(out)))
}

fn append_block(out: &mut Vec<u8>, block: &[u8], max_bytes: usize) -> io::Result<bool> {
    let length = snap::raw::decompress_len(block)?;
    if length > max_bytes - out.len() {
        return Ok(false);
    }
    if length > block.len().saturating_mul(RATIO_MAX) {
        return Err(invalid("a block claims more than it can hold"));
    }
    let from = out.len();
    out.resize(from + length, 0);
    let written = snap::raw::Decoder::new().decompress(block, &mut out[from..])?;
    out.truncate(from + written);
    Ok(true)
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

pub(super) fn compress(payload: &[u8]) -> Vec<u8> {
    let mut out = [MAGIC, VERSIONS].concat();
    let mut encoder = snap::raw::Encoder::new();
    for chunk in payload.chunks(BLOCK_BYTES) {
        let block = encoder
            .compress_vec(chunk)
            .expect("a block of 32 KiB is within Snappy's limit of 4 GiB");
        out.extend((block.len() as u32).to_be_bytes());
        out.extend(block);
    }
    out
}
