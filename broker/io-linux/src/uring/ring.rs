//! The ring itself: entries in, completions out, sleep until one comes. All `unsafe` of the broker is here.
//! It knows operations only as flights with a buffer and a file.
//!
//! The rule that every block below leans on: memory and descriptors that an entry names live in a
//! slot (or, for the bell, in this struct) until the completion of that entry has been seen; if the
//! kernel cannot be brought to complete it, they are leaked.

use std::collections::VecDeque;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use io_uring::{IoUring, opcode, types};
use rustix::io::Errno;

use super::setup::ENTRIES;
use super::slots::{Flight, Slots, Step};
use crate::errno::errno_of;
use crate::job::Finished;

/// The number that completions of the bell carry; slots count from 0.
const BELL: u64 = u64::MAX;
/// How long dropping waits for the kernel to let go of buffers.
const DRAIN_MAX: Duration = Duration::from_secs(10);
/// Pause after an error of the ring that must not become a busy loop.
const TROUBLE_PAUSE: Duration = Duration::from_millis(1);

/// A ring with the operations that are under way in it.
pub(super) struct Ring {
    ring: IoUring,
    slots: Slots,
    /// Numbers of slots that wait for room in the ring.
    backlog: VecDeque<usize>,
    /// Where the bell is read into. Boxed, so that moving the ring does not move it.
    rings: Box<[u8; 8]>,
    bell_armed: bool,
}

impl Ring {
    pub(super) fn new(ring: IoUring) -> Ring {
        Ring {
            ring,
            slots: Slots::default(),
            backlog: VecDeque::new(),
            rings: Box::new([0; 8]),
            bell_armed: false,
        }
    }

    /// Queues an operation; it starts at the next [`Ring::flush`] or [`Ring::sleep`].
    pub(super) fn start(&mut self, flight: Flight) {
        let number = self.slots.put(flight);
        self.queue(number);
    }

    /// Tells the kernel what was queued, and lets it process completions it holds back.
    pub(super) fn flush(&mut self) {
        let submission = self.ring.submission();
        let idle = submission.is_empty() && !submission.taskrun() && !submission.cq_overflow();
        drop(submission);
        if !idle && let Err(error) = self.ring.submit() {
            trouble(errno_of(&error));
        }
    }

    /// Takes the completions that are there.
    pub(super) fn reap(&mut self) -> Vec<Finished> {
        let mut finished = Vec::new();
        loop {
            let completion = self.ring.completion().next();
            let Some(completion) = completion else { break };
            if completion.user_data() == BELL {
                self.bell_armed = false;
                continue;
            }
            let Ok(number) = usize::try_from(completion.user_data()) else {
                continue;
            };
            match self
                .slots
                .get(number)
                .map(|f| f.advance(completion.result()))
            {
                Some(Step::Again) => self.queue(number),
                Some(Step::Over(result)) => finished.extend(self.slots.end(number, result)),
                None => tracing::error!(number, "the ring completed what was never submitted"),
            }
        }
        while self.has_room() {
            let Some(number) = self.backlog.pop_front() else {
                break;
            };
            self.queue(number);
        }
        finished
    }

    /// Sleeps until a completion, a ring of the bell, or the time-out.
    pub(super) fn sleep(&mut self, bell: BorrowedFd<'_>, timeout: Option<Duration>) {
        self.arm(bell);
        let slept = match timeout {
            None => self.ring.submit_and_wait(1),
            Some(timeout) => {
                let timespec = types::Timespec::from(timeout);
                let args = types::SubmitArgs::new().timespec(&timespec);
                self.ring.submitter().submit_with_args(1, &args)
            }
        };
        if let Err(error) = slept {
            trouble(errno_of(&error));
        }
    }

    /// Waits for everything under way; what does not come back in time is leaked.
    pub(super) fn drain(&mut self) {
        self.backlog.clear();
        let deadline = Instant::now() + DRAIN_MAX;
        while (self.bell_armed || self.slots.len() > 0) && Instant::now() < deadline {
            let timespec = types::Timespec::from(Duration::from_millis(100));
            let args = types::SubmitArgs::new().timespec(&timespec);
            if let Err(error) = self.ring.submitter().submit_with_args(1, &args) {
                trouble(errno_of(&error));
            }
            drop(self.reap());
        }
        if self.slots.len() > 0 || self.bell_armed {
            tracing::error!("the kernel holds buffers of the journal; their memory is given up");
            self.slots.leak();
            Box::leak(std::mem::take(&mut self.rings));
        }
    }

    fn has_room(&mut self) -> bool {
        // One entry is kept for the bell.
        let submission = self.ring.submission();
        submission.capacity() - submission.len() > 1
            && self.slots.len() - self.backlog.len() <= ENTRIES as usize * 2
    }

    fn queue(&mut self, number: usize) {
        if !self.has_room() {
            self.backlog.push_back(number);
            return;
        }
        let Some(flight) = self.slots.get(number) else {
            return;
        };
        let entry = flight.entry(number as u64);
        // SAFETY: the entry points into the buffer of slot `number` and names the descriptor of its
        // file. Both stay in the slot until `reap` has seen the completion with this number, or are
        // leaked by `drain`. The buffer's heap memory does not move when the slot does, and nothing
        // reads or writes it meanwhile: `Flight` hands it out only when it ends.
        let pushed = unsafe { self.ring.submission().push(&entry) };
        if pushed.is_err() {
            self.backlog.push_back(number);
        }
    }

    fn arm(&mut self, bell: BorrowedFd<'_>) {
        if self.bell_armed {
            return;
        }
        let fd = types::Fd(bell.as_raw_fd());
        let into = self.rings.as_mut_ptr();
        let entry = opcode::Read::new(fd, into, 8).build().user_data(BELL);
        // SAFETY: `rings` is heap memory of eight bytes that only this entry writes and nobody
        // reads; `bell_armed` keeps it to one entry at a time, and `drain` leaks it if the entry
        // does not complete. The descriptor belongs to the mailbox, which the driver holds longer
        // than the ring; after it is closed the kernel would still hold the file itself.
        let pushed = unsafe { self.ring.submission().push(&entry) };
        // `has_room` keeps an entry free for the bell.
        self.bell_armed = pushed.is_ok();
    }
}

/// An error of entering the ring. Operations keep their state: what was not taken stays queued.
fn trouble(errno: Errno) {
    // A time-out, a signal, and a completion queue that must be emptied first are no trouble.
    let ordinary = [Errno::TIME, Errno::INTR, Errno::BUSY, Errno::AGAIN];
    if !ordinary.contains(&errno) {
        tracing::error!(errno = errno.raw_os_error(), "io_uring_enter failed");
        std::thread::sleep(TROUBLE_PAUSE);
    }
}
