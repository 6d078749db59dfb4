//! Where worker threads put what is finished, and the bell that ends the engine thread's sleep.
//! How the engine thread sleeps (in `poll` or in the ring) is the driver's concern.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use kring_io::Wake;
use rustix::event::EventfdFlags;
use rustix::io::Errno;

use crate::job::Finished;

/// Shared between a driver, its workers and whoever wakes it.
pub(crate) struct Mailbox {
    finished: Mutex<Vec<Finished>>,
    /// The bell was rung since the last sleep ended. Written before `asleep` is read and read after
    /// `asleep` is written (sequentially consistent), so that either the ringer sees the sleeper
    /// or the sleeper sees the bell.
    rung: AtomicBool,
    asleep: AtomicBool,
    bell: OwnedFd,
}

impl Mailbox {
    /// An empty one; fails when no descriptor is left.
    pub(crate) fn new() -> Result<Mailbox, Errno> {
        Ok(Mailbox {
            finished: Mutex::default(),
            rung: AtomicBool::new(false),
            asleep: AtomicBool::new(false),
            bell: rustix::event::eventfd(0, EventfdFlags::CLOEXEC)?,
        })
    }

    /// The eventfd that becomes readable when the bell is rung during a sleep.
    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// Brings a finished job.
    pub(crate) fn post(&self, finished: Finished) {
        // A poisoned lock means that a thread panicked between two pushes: the vector is whole.
        self.finished
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(finished);
        self.wake();
    }

    /// Takes all finished jobs.
    pub(crate) fn take(&self) -> Vec<Finished> {
        std::mem::take(&mut *self.finished.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Announces a sleep; false if the bell was rung and there shall be none.
    pub(crate) fn may_sleep(&self) -> bool {
        self.asleep.store(true, Ordering::SeqCst);
        if self.rung.swap(false, Ordering::SeqCst) {
            self.asleep.store(false, Ordering::SeqCst);
            return false;
        }
        true
    }

    /// Ends a sleep.
    pub(crate) fn awake(&self) {
        self.asleep.store(false, Ordering::SeqCst);
        self.rung.store(false, Ordering::SeqCst);
    }

    /// Rings as if somebody slept, so that a read of the bell that is under way ends.
    pub(crate) fn ring(&self) {
        // It fails only at 2^64 - 1 unread rings.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }
}

impl Wake for Mailbox {
    fn wake(&self) {
        self.rung.store(true, Ordering::SeqCst);
        if self.asleep.swap(false, Ordering::SeqCst) {
            self.ring();
        }
    }
}
