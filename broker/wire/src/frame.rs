//! Frames: the four bytes of length in front of each request and response.
//! It reads no socket; the edge collects the bytes.

use bytes::{BufMut, BytesMut};
use thiserror::Error;

/// Bytes of the length.
pub const LENGTH_BYTES: usize = 4;

/// Why the length of a frame is refused. The connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// Shorter than a request header can be.
    #[error("a frame of {length} bytes is too short for a request")]
    TooShort {
        /// The claim.
        length: i32,
    },
    /// Longer than the broker accepts.
    #[error("a frame of {length} bytes is above socket.request.max.bytes = {max}")]
    TooLong {
        /// The claim.
        length: i32,
        /// The limit.
        max: usize,
    },
}

/// Shortest request header: key, version, correlation id, null client id.
const REQUEST_BYTES_MIN: i32 = 10;

/// Checks the length a client claims, before anything is reserved for it.
///
/// # Errors
/// [`FrameError`].
pub fn check_length(prefix: [u8; LENGTH_BYTES], max_bytes: usize) -> Result<usize, FrameError> {
    let length = i32::from_be_bytes(prefix);
    if length < REQUEST_BYTES_MIN {
        return Err(FrameError::TooShort { length });
    }
    match usize::try_from(length) {
        Ok(bytes) if bytes <= max_bytes => Ok(bytes),
        _ => Err(FrameError::TooLong {
            length,
            max: max_bytes,
        }),
    }
}

/// Begins a response frame: room for the length, then the response header.
#[must_use]
pub fn begin_response(correlation_id: i32, flexible_header: bool) -> BytesMut {
    let mut buf = BytesMut::with_capacity(256);
    buf.put_i32(0);
    buf.put_i32(correlation_id);
    if flexible_header {
        buf.put_u8(0);
    }
    buf
}

/// Writes the length of a frame whose buffer is complete but for `elsewhere_bytes` that other
/// parts of it hold.
///
/// # Panics
/// When the frame reaches 2 GiB.
pub fn finish(buf: &mut BytesMut, elsewhere_bytes: usize) {
    let length = buf.len() - LENGTH_BYTES + elsewhere_bytes;
    let length = i32::try_from(length).expect("answers are capped far below 2 GiB");
    buf[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_length_is_checked_before_it_counts() {
        assert_eq!(check_length(100i32.to_be_bytes(), 100), Ok(100));
        assert_eq!(
            check_length(101i32.to_be_bytes(), 100)
                .unwrap_err()
                .to_string(),
            "a frame of 101 bytes is above socket.request.max.bytes = 100"
        );
        assert_eq!(
            check_length(*b"GET ", 100 << 20),
            Err(FrameError::TooLong {
                length: 0x4745_5420,
                max: 100 << 20
            })
        );
        for length in [-1, 0, 9] {
            assert_eq!(
                check_length(i32::to_be_bytes(length), 100),
                Err(FrameError::TooShort { length })
            );
        }
    }
}
