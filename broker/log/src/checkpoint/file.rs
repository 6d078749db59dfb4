//! A checkpoint as a file: encoded, and verified and read.
//! It writes and reads none: `checkpoint` and `recovery` do.
//!
//! ```text
//!  0 magic u32 | 4 format u16 | 6 zero u16 | 8 number u64 | 16 body_bytes u64 | 24 crc32c u32
//! 28 zero u32 | 32 body: postcard of Snapshot, then of its transactions
//! ```
//! Little-endian; the CRC covers bytes 0..24 and the body.

use postcard::ser_flavors::Flavor;

use super::snapshot::Snapshot;

/// "KRCP", read as a little-endian number.
pub(crate) const MAGIC: u32 = 0x5043_524b;
/// Version of the checkpoint.
pub(crate) const FORMAT: u16 = 3;
/// The oldest one that is read: it knows no transactions.
pub(crate) const OLDEST_FORMAT: u16 = 2;
/// Length of the header.
pub(crate) const HEADER_BYTES: usize = 32;

impl Snapshot<'_> {
    /// The whole file of checkpoint `number`.
    pub(crate) fn encode(&self, number: u64) -> Vec<u8> {
        let start = File(vec![0; HEADER_BYTES]);
        let mut file = postcard::serialize_with_flavor(&(self, &self.transactions), start)
            .expect("snapshots hold no type that postcard refuses");
        let body_bytes = (file.len() - HEADER_BYTES) as u64;
        file[0..4].copy_from_slice(&MAGIC.to_le_bytes());
        file[4..6].copy_from_slice(&FORMAT.to_le_bytes());
        file[8..16].copy_from_slice(&number.to_le_bytes());
        file[16..24].copy_from_slice(&body_bytes.to_le_bytes());
        let crc = checksum(&file);
        file[24..28].copy_from_slice(&crc.to_le_bytes());
        file
    }
}

/// A file that grows by whole slices; what postcard has for a vector appends byte by byte.
struct File(Vec<u8>);

impl Flavor for File {
    type Output = Vec<u8>;

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

/// Why a file is not a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SnapshotError {
    /// Torn, damaged or never written.
    Invalid(String),
    /// Written by another version.
    OtherFormat(u16),
}

/// Verifies a file and reads number and snapshot.
pub(crate) fn decode(file: &[u8]) -> Result<(u64, Snapshot<'static>), SnapshotError> {
    let invalid = |reason: &str| SnapshotError::Invalid(reason.to_owned());
    if file.len() < HEADER_BYTES {
        return Err(invalid("it is shorter than its header"));
    }
    if file[0..4] != MAGIC.to_le_bytes() {
        return Err(invalid("it does not begin like a checkpoint"));
    }
    let u64_at = |at: usize| {
        u64::from_le_bytes(
            file[at..at + 8]
                .try_into()
                .expect("the header was measured"),
        )
    };
    let end = usize::try_from(u64_at(16))
        .ok()
        .and_then(|body| body.checked_add(HEADER_BYTES))
        .filter(|end| *end <= file.len())
        .ok_or_else(|| invalid("it is cut off"))?;
    if checksum(&file[..end]).to_le_bytes() != file[24..28] {
        return Err(invalid("its checksum does not match"));
    }
    // Only now: a flipped bit must not look like another version.
    let format = u16::from_le_bytes([file[4], file[5]]);
    if !(OLDEST_FORMAT..=FORMAT).contains(&format) {
        return Err(SnapshotError::OtherFormat(format));
    }
    let snapshot = body(&file[HEADER_BYTES..end], format);
    Ok((u64_at(8), snapshot.map_err(|e| invalid(&e.to_string()))?))
}

fn body(bytes: &[u8], format: u16) -> postcard::Result<Snapshot<'static>> {
    let (mut snapshot, rest): (Snapshot, &[u8]) = postcard::take_from_bytes(bytes)?;
    snapshot.is_older = format < FORMAT;
    if !snapshot.is_older {
        snapshot.transactions = postcard::from_bytes(rest)?;
    }
    Ok(snapshot)
}

fn checksum(file: &[u8]) -> u32 {
    let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    digest.update(&file[..24]);
    digest.update(&file[HEADER_BYTES..]);
    digest.finalize() as u32
}
