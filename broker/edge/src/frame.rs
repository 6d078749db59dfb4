//! Putting frames together from whatever pieces the socket gives, with memory that follows what was received.
//! It reads no socket and looks into no frame.

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

/// Memory that a frame gets before its first byte has arrived.
const FIRST_BYTES: usize = 64 * 1024;
/// Bytes of a frame's length.
const LENGTH_BYTES: usize = 4;

/// Why a connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The length is below 1.
    #[error("a frame claims {claimed} bytes; a Kafka frame has at least one")]
    NotPositive {
        /// The length as a signed number, as Kafka has it.
        claimed: i32,
    },
    /// The length is above the cap.
    #[error(
        "a frame claims {claimed} bytes, the largest allowed has {max} (socket.request.max.bytes); is the peer speaking TLS or HTTP?"
    )]
    TooLarge {
        /// The length.
        claimed: i32,
        /// The cap in bytes.
        max: usize,
    },
}

/// One frame after the other from a stream of bytes.
#[derive(Debug)]
pub struct FrameAssembler {
    frame_bytes_max: usize,
    length: [u8; LENGTH_BYTES],
    length_got: usize,
    /// The frame's length, once known.
    want: usize,
    body: BytesMut,
}

impl FrameAssembler {
    /// Frames have at most `frame_bytes_max` bytes without their length.
    #[must_use]
    pub fn new(frame_bytes_max: usize) -> FrameAssembler {
        FrameAssembler {
            frame_bytes_max,
            length: [0; LENGTH_BYTES],
            length_got: 0,
            want: 0,
            body: BytesMut::new(),
        }
    }

    /// Takes bytes until a frame is whole; `bytes` keeps what was not taken. Call it until it gives
    /// nothing.
    pub fn feed(&mut self, bytes: &mut &[u8]) -> Result<Option<Bytes>, FrameError> {
        if self.want == 0 && !self.feed_length(bytes)? {
            return Ok(None);
        }
        let taken = self.missing().min(bytes.len());
        let (head, rest) = bytes.split_at(taken);
        self.reserve();
        self.body.put_slice(head);
        *bytes = rest;
        Ok(self.take_whole())
    }

    /// Whether part of a frame has arrived.
    #[must_use]
    pub fn within_frame(&self) -> bool {
        self.length_got > 0
    }

    /// Bytes of the frame under way, once its length is known.
    #[must_use]
    pub fn claimed(&self) -> usize {
        self.want
    }

    /// Bytes of its body that have arrived.
    #[must_use]
    pub fn received(&self) -> usize {
        self.body.len()
    }

    /// Bytes of its body that have not.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.want - self.body.len()
    }

    /// Room for the next bytes of the body, to read into without a copy: as much as has arrived,
    /// and never beyond the frame. Call [`FrameAssembler::take_whole`] afterwards.
    pub fn room(&mut self) -> bytes::buf::Limit<&mut BytesMut> {
        self.reserve();
        let room = self.missing().min(self.body.capacity() - self.body.len());
        (&mut self.body).limit(room)
    }

    /// The frame, when it is whole.
    pub fn take_whole(&mut self) -> Option<Bytes> {
        if self.want == 0 || self.missing() > 0 {
            return None;
        }
        self.want = 0;
        self.length_got = 0;
        Some(std::mem::take(&mut self.body).freeze())
    }

    fn feed_length(&mut self, bytes: &mut &[u8]) -> Result<bool, FrameError> {
        while self.length_got < LENGTH_BYTES {
            let Some((first, rest)) = bytes.split_first() else {
                return Ok(false);
            };
            self.length[self.length_got] = *first;
            self.length_got += 1;
            *bytes = rest;
        }
        let claimed = i32::from_be_bytes(self.length);
        match usize::try_from(claimed) {
            Err(_) | Ok(0) => Err(FrameError::NotPositive { claimed }),
            Ok(want) if want > self.frame_bytes_max => Err(FrameError::TooLarge {
                claimed,
                max: self.frame_bytes_max,
            }),
            Ok(want) => {
                self.want = want;
                Ok(true)
            }
        }
    }

    /// EDGE-2: grows the body to twice what it holds, so that memory follows bytes and not claims.
    fn reserve(&mut self) {
        if self.body.len() == self.body.capacity() {
            let more = self.missing().min(self.body.len().max(FIRST_BYTES));
            // Exactly: a kept frame must not pin more memory than it has bytes.
            let mut grown = BytesMut::with_capacity(self.body.len() + more);
            grown.extend_from_slice(&self.body);
            self.body = grown;
        }
    }
}

#[cfg(test)]
mod tests;
