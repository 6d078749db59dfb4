//! The driver that needs nothing but ordinary system calls: worker threads and `pwritev2`.
//! It is chosen where io_uring is not to be had.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kring_io::{Disk, DiskDone, DiskOp, OpId, Wake};
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::mailbox::Mailbox;
use crate::pool::Pool;
use crate::table::{Admitted, FileTable};

/// Carries every operation out on a pool of threads.
pub struct PosixDisk {
    files: FileTable,
    pool: Pool,
    mailbox: Arc<Mailbox>,
    refused: Vec<DiskDone>,
}

impl PosixDisk {
    /// Starts on an existing data directory; fails when threads or descriptors run out.
    pub fn start(root: &Path) -> std::io::Result<PosixDisk> {
        let mailbox = Arc::new(Mailbox::new()?);
        Ok(PosixDisk {
            files: FileTable::default(),
            pool: Pool::start(root, &mailbox, true)?,
            mailbox,
            refused: Vec::new(),
        })
    }
}

impl Disk for PosixDisk {
    fn submit(&mut self, id: OpId, op: DiskOp) {
        match self.files.admit(id, op) {
            Admitted::Run(job) => self.pool.submit(job),
            Admitted::Refused(done) => self.refused.push(done),
            Admitted::Waits => {}
        }
    }

    fn poll(&mut self, done: &mut Vec<DiskDone>) {
        done.append(&mut self.refused);
        for finished in self.mailbox.take() {
            if let Some(close) = self.files.finish(finished, done) {
                self.pool.submit(close);
            }
        }
    }

    fn wait(&mut self, timeout: Option<Duration>, done: &mut Vec<DiskDone>) {
        let before = done.len();
        self.poll(done);
        if done.len() > before || !self.mailbox.may_sleep() {
            return self.poll(done);
        }
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut bell = [PollFd::from_borrowed_fd(self.mailbox.bell(), PollFlags::IN)];
        // An interrupted poll is an early return, which every caller expects.
        if let Ok(1..) = rustix::event::poll(&mut bell, timeout.as_ref()) {
            let _ = rustix::io::read(self.mailbox.bell(), &mut [0_u8; 8]);
        }
        self.mailbox.awake();
        self.poll(done);
    }

    fn waker(&self) -> Arc<dyn Wake> {
        Arc::clone(&self.mailbox) as Arc<dyn Wake>
    }
}
