//! Putting frames together from whatever pieces the socket gives, with memory that follows what was received.
//! It reads no socket and looks into no frame.

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

/// Memory that a frame gets when it is read into before any of its bytes has arrived.
const FIRST_BYTES: usize = 64 * 1024;
/// The least that a frame under way grows by.
const GROWTH_BYTES_MIN: usize = 4 * 1024;
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
    /// Full parts of the body.
    full: Vec<BytesMut>,
    full_bytes: usize,
    /// The part of the body that is filled.
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
            full: Vec::new(),
            full_bytes: 0,
            body: BytesMut::new(),
        }
    }

    /// Takes bytes until a frame is whole; `bytes` keeps what was not taken. Call it until it gives
    /// nothing.
    pub fn feed(&mut self, bytes: &mut &[u8]) -> Result<Option<Bytes>, FrameError> {
        if self.want == 0 && !self.feed_length(bytes)? {
            return Ok(None);
        }
        while !bytes.is_empty() && self.missing() > 0 {
            self.reserve(bytes.len());
            let spare = self.body.capacity() - self.body.len();
            let taken = self.missing().min(spare).min(bytes.len());
            let (head, rest) = bytes.split_at(taken);
            self.body.put_slice(head);
            *bytes = rest;
        }
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
        self.full_bytes + self.body.len()
    }

    /// Bytes of its body that have not.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.want - self.received()
    }

    /// Bytes of memory that the frame under way holds after [`FrameAssembler::room`]: at most twice
    /// what has arrived, once something has.
    #[must_use]
    pub fn holds(&self) -> usize {
        let held = self.full_bytes + self.body.capacity();
        match self.body.len() == self.body.capacity() {
            true => held + self.growth(self.room_bytes_min()),
            false => held,
        }
    }

    /// Room for the next bytes of the body, to read into without a copy: as much as has arrived,
    /// and never beyond the frame. Call [`FrameAssembler::take_whole`] afterwards.
    pub fn room(&mut self) -> bytes::buf::Limit<&mut BytesMut> {
        self.reserve(self.room_bytes_min());
        let room = self.missing().min(self.body.capacity() - self.body.len());
        (&mut self.body).limit(room)
    }

    /// The frame, when it is whole.
    pub fn take_whole(&mut self) -> Option<Bytes> {
        if self.want == 0 || self.missing() > 0 {
            return None;
        }
        let last = std::mem::take(&mut self.body);
        let whole = if self.full.is_empty() {
            last
        } else {
            // Exactly: a kept frame must not pin more memory than it has bytes.
            let mut whole = BytesMut::with_capacity(self.want);
            for part in self.full.drain(..) {
                whole.extend_from_slice(&part);
            }
            whole.extend_from_slice(&last);
            whole
        };
        // A connection keeps nothing of a frame that is gone.
        self.full = Vec::new();
        self.full_bytes = 0;
        self.want = 0;
        self.length_got = 0;
        Some(whole.freeze())
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

    /// Whoever waits for the first bytes of a frame is a peer that has proven itself.
    fn room_bytes_min(&self) -> usize {
        match self.received() {
            0 => FIRST_BYTES,
            _ => GROWTH_BYTES_MIN,
        }
    }

    /// By how much the memory grows next.
    fn growth(&self, bytes_min: usize) -> usize {
        let doubled = self.received().max(bytes_min).max(GROWTH_BYTES_MIN);
        self.missing().min(doubled)
    }

    /// EDGE-2: grows to twice what has arrived, so that memory follows bytes and not claims. What
    /// has arrived stays where it is: a copy would hold it twice beside the new memory.
    fn reserve(&mut self, bytes_min: usize) {
        if self.body.len() == self.body.capacity() {
            let more = self.growth(bytes_min);
            let full = std::mem::replace(&mut self.body, BytesMut::with_capacity(more));
            if !full.is_empty() {
                self.full_bytes += full.len();
                self.full.push(full);
            }
        }
    }
}

#[cfg(test)]
mod tests;
