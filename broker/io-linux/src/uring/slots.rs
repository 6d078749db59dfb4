//! Operations under way in the ring, each with its file and buffer, found by the number that its completion carries.
//! It never touches the ring itself.

use std::os::fd::AsRawFd;
use std::sync::Arc;

use io_uring::{opcode, squeue, types};
use kring_io::buffer::ALIGNMENT_BYTES;
use kring_io::{Buffer, DiskError, DiskOk, FileId, OpId};
use rustix::io::{Errno, ReadWriteFlags};

use crate::file::OpenFile;
use crate::job::Finished;

/// How often an operation is tried again that the kernel gave back untouched (`EAGAIN`, `EINTR`).
const ATTEMPTS_MAX: u32 = 16;

/// What an operation does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Read,
    Write { durable: bool },
}

/// An operation under way. It owns the buffer and holds the file open until its completion.
#[derive(Debug)]
pub(super) struct Flight {
    id: OpId,
    file: FileId,
    open: Arc<OpenFile>,
    offset: u64,
    buffer: Buffer,
    target: Target,
    progress: usize,
    attempts: u32,
}

/// What a completion means.
pub(super) enum Step {
    /// There is more to do.
    Again,
    /// The operation is over.
    Over(Result<DiskOk, DiskError>),
}

impl Flight {
    pub(super) fn new(
        id: OpId,
        file: FileId,
        open: Arc<OpenFile>,
        offset: u64,
        buffer: Buffer,
        target: Target,
    ) -> Flight {
        Flight {
            id,
            file,
            open,
            offset,
            buffer,
            target,
            progress: 0,
            attempts: 0,
        }
    }

    /// The entry for what is still to be read or written. It points into the buffer and names the
    /// descriptor: both must stay until its completion.
    pub(super) fn entry(&mut self, number: u64) -> squeue::Entry {
        let fd = types::Fd(self.open.fd().as_raw_fd());
        let offset = self.offset + self.progress as u64;
        let rest = &mut self.buffer[self.progress..];
        let len = u32::try_from(rest.len()).unwrap_or(u32::MAX);
        let entry = match self.target {
            Target::Read => opcode::Read::new(fd, rest.as_mut_ptr(), len)
                .offset(offset)
                .build(),
            Target::Write { durable } => {
                let flags = if durable {
                    ReadWriteFlags::DSYNC.bits()
                } else {
                    0
                };
                opcode::Write::new(fd, rest.as_ptr(), len)
                    .offset(offset)
                    .rw_flags(flags as i32)
                    .build()
            }
        };
        entry.user_data(number)
    }

    /// Takes a completion's result in.
    pub(super) fn advance(&mut self, result: i32) -> Step {
        if let Some(errno) = negative(result) {
            let untouched = errno == Errno::AGAIN || errno == Errno::INTR;
            if untouched && self.attempts < ATTEMPTS_MAX {
                self.attempts += 1;
                return Step::Again;
            }
            return Step::Over(Err(self.open.error(errno)));
        }
        let moved = usize::try_from(result).unwrap_or(0);
        self.progress += moved;
        let whole = self.progress == self.buffer.len();
        match self.target {
            Target::Read => {
                // A direct read that stops off the alignment has met the end of the file.
                let ended = moved == 0 || !self.progress.is_multiple_of(ALIGNMENT_BYTES);
                if whole || ended {
                    let len = self.progress;
                    return Step::Over(Ok(DiskOk::Read { len }));
                }
                Step::Again
            }
            Target::Write { .. } if whole => Step::Over(Ok(DiskOk::Done)),
            Target::Write { .. } if moved == 0 => Step::Over(Err(self.open.error(Errno::IO))),
            Target::Write { .. } => Step::Again,
        }
    }

    fn over(self, result: Result<DiskOk, DiskError>) -> Finished {
        Finished {
            id: self.id,
            result,
            buffer: Some(self.buffer),
            on: Some(self.file),
            opened: None,
        }
    }
}

fn negative(result: i32) -> Option<Errno> {
    (result < 0).then(|| Errno::from_raw_os_error(result.saturating_neg()))
}

/// All operations under way.
#[derive(Default)]
pub(super) struct Slots {
    slots: Vec<Option<Flight>>,
    free: Vec<usize>,
}

impl Slots {
    /// How many are under way.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Gives an operation a number.
    pub(super) fn put(&mut self, flight: Flight) -> usize {
        if let Some(number) = self.free.pop() {
            self.slots[number] = Some(flight);
            return number;
        }
        self.slots.push(Some(flight));
        self.slots.len() - 1
    }

    /// The operation of a number.
    pub(super) fn get(&mut self, number: usize) -> Option<&mut Flight> {
        self.slots.get_mut(number)?.as_mut()
    }

    /// Ends an operation and frees its number.
    pub(super) fn end(
        &mut self,
        number: usize,
        result: Result<DiskOk, DiskError>,
    ) -> Option<Finished> {
        let flight = self.slots.get_mut(number)?.take()?;
        self.free.push(number);
        Some(flight.over(result))
    }

    /// Gives up the memory of everything under way without freeing it.
    pub(super) fn leak(&mut self) {
        std::mem::forget(std::mem::take(&mut self.slots));
        self.free.clear();
    }
}
