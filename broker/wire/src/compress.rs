//! The four compressions of record batches, in memory and with a cap on what comes out.
//! Produce and Fetch never need it: batches pass as they are. Looking inside does.

mod snappy;

use std::io::{self, Read, Write};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use lz4_flex::frame::{FrameDecoder, FrameEncoder};
use thiserror::Error;

use crate::batch::{BatchHeader, Compression, HEADER_BYTES};
use crate::records::{Records, records_of};

/// Why the records of a batch cannot be decompressed.
#[derive(Debug, Error)]
pub enum CompressError {
    /// More comes out than allowed. The rest was not decompressed.
    #[error("the records decompress to more than {max_bytes} bytes")]
    TooLarge {
        /// The limit.
        max_bytes: usize,
    },
    /// The bytes are not of this compression.
    #[error("the records are not valid {codec:?}: {reason}")]
    Invalid {
        /// The compression.
        codec: Compression,
        /// The decoder's words.
        reason: String,
    },
}

/// Decompresses `payload`, what follows the header of a batch. Memory grows with what comes out,
/// never with what the payload claims.
///
/// # Errors
/// [`CompressError`].
pub fn decompress(
    codec: Compression,
    payload: &Bytes,
    max_bytes: usize,
) -> Result<Bytes, CompressError> {
    let result = match codec {
        Compression::None if payload.len() <= max_bytes => return Ok(payload.clone()),
        Compression::None => return Err(CompressError::TooLarge { max_bytes }),
        Compression::Gzip => read_capped(MultiGzDecoder::new(&payload[..]), max_bytes),
        Compression::Snappy => snappy::decompress(payload, max_bytes),
        Compression::Lz4 => read_capped(FrameDecoder::new(&payload[..]), max_bytes),
        Compression::Zstd => {
            zstd_decoder(payload, max_bytes).and_then(|decoder| read_capped(decoder, max_bytes))
        }
    };
    match result {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(CompressError::TooLarge { max_bytes }),
        Err(error) => Err(CompressError::Invalid {
            codec,
            reason: error.to_string(),
        }),
    }
}

/// The records of a batch, decompressed where they are compressed.
///
/// # Errors
/// [`CompressError`]. The walk itself gives the errors of the records.
pub fn decompressed_records(
    header: &BatchHeader,
    batch: &Bytes,
    max_bytes: usize,
) -> Result<Records, CompressError> {
    let payload = batch.slice(HEADER_BYTES.min(batch.len())..);
    let records = decompress(header.compression, &payload, max_bytes)?;
    Ok(records_of(header, records))
}

/// Compresses at the codec's usual level, in the framing that Kafka's clients write.
///
/// # Panics
/// Only when memory runs out: the codecs write to a vector.
#[must_use]
pub fn compress(codec: Compression, payload: &[u8]) -> Bytes {
    let compressed = match codec {
        Compression::None => Ok(payload.to_vec()),
        Compression::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(payload).and_then(|()| encoder.finish())
        }
        Compression::Snappy => Ok(snappy::compress(payload)),
        Compression::Lz4 => {
            let mut encoder = FrameEncoder::new(Vec::new());
            let written = encoder.write_all(payload);
            written.and_then(|()| encoder.finish().map_err(io::Error::from))
        }
        Compression::Zstd => zstd::encode_all(payload, zstd::DEFAULT_COMPRESSION_LEVEL),
    };
    Bytes::from(compressed.expect("writing to a vector does not fail"))
}

/// `None`: more than `max_bytes` would come out.
fn read_capped(reader: impl Read, max_bytes: usize) -> io::Result<Option<Bytes>> {
    let mut bytes = Vec::new();
    reader.take(max_bytes as u64 + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= max_bytes).then(|| Bytes::from(bytes)))
}

/// Windows up to this are usual: streaming producers do not tell the size, and level 19 takes 8 MiB.
const ZSTD_WINDOW_LOG_USUAL: u32 = 23;

/// The largest window that Kafka's clients write (level 22), and zstd's own default limit.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// A frame claims the window that its decoder reserves; one far above the cap of the output helps nobody.
fn zstd_decoder(payload: &[u8], max_bytes: usize) -> io::Result<impl Read> {
    let mut decoder = zstd::Decoder::with_buffer(payload)?;
    let window_log = max_bytes.max(1).ilog2() + 1;
    decoder.window_log_max(window_log.clamp(ZSTD_WINDOW_LOG_USUAL, ZSTD_WINDOW_LOG_MAX))?;
    Ok(decoder)
}

#[cfg(test)]
mod tests;
