//! The io_uring driver: journal blocks through a ring, everything else through the pool.
//! Whether a ring is to be had on this machine is the concern of `probe.rs`.

mod ring;
mod setup;
mod slots;

use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kring_io::{Disk, DiskDone, DiskOp, OpId, Wake};

use crate::job::{Act, Finished, Job, Lane, Work};
use crate::mailbox::Mailbox;
use crate::pool::Pool;
use crate::table::{Admitted, FileTable};

use ring::Ring;
pub(crate) use setup::SetupError;
use slots::{Flight, Target};

/// Carries journal reads and writes out on a ring, other operations on a pool of threads. It stays
/// on the thread that started it, because the kernel lets only that one submit
/// (`IORING_SETUP_SINGLE_ISSUER`).
pub struct UringDisk {
    files: FileTable,
    ring: Ring,
    pool: Pool,
    mailbox: Arc<Mailbox>,
    refused: Vec<DiskDone>,
    _one_thread: PhantomData<*const ()>,
}

impl UringDisk {
    /// Starts on an existing data directory, on the thread that will use it.
    pub(crate) fn start(root: &Path) -> Result<UringDisk, SetupError> {
        let mailbox = Arc::new(Mailbox::new().map_err(|errno| SetupError::Other(errno.into()))?);
        let ring = Ring::new(setup::build()?);
        let pool = Pool::start(root, &mailbox, false).map_err(SetupError::Other)?;
        Ok(UringDisk {
            files: FileTable::default(),
            ring,
            pool,
            mailbox,
            refused: Vec::new(),
            _one_thread: PhantomData,
        })
    }

    fn run(&mut self, job: Job) {
        if job.lane() != Lane::Journal {
            return self.pool.submit(job);
        }
        let Work::OnFile { file, open, act } = job.work else {
            unreachable!("only operations on files are of the journal lane");
        };
        let (offset, buffer, target) = match act {
            Act::Read { offset, buffer } => (offset, buffer, Target::Read),
            Act::Write {
                offset,
                buffer,
                durable,
            } => (offset, buffer, Target::Write { durable }),
            Act::Gather { .. } | Act::Sync | Act::SetLen(_) => {
                unreachable!("only reads and writes are of the journal lane")
            }
        };
        self.ring
            .start(Flight::new(job.id, file, open, offset, buffer, target));
    }

    fn finish(&mut self, finished: Finished, done: &mut Vec<DiskDone>) {
        if let Some(close) = self.files.finish(finished, done) {
            self.pool.submit(close);
        }
    }
}

impl Disk for UringDisk {
    fn submit(&mut self, id: OpId, op: DiskOp) {
        match self.files.admit(id, op) {
            Admitted::Run(job) => self.run(job),
            Admitted::Refused(done) => self.refused.push(done),
            Admitted::Waits => {}
        }
    }

    fn poll(&mut self, done: &mut Vec<DiskDone>) {
        done.append(&mut self.refused);
        self.ring.flush();
        for finished in self.ring.reap() {
            self.finish(finished, done);
        }
        for finished in self.mailbox.take() {
            self.finish(finished, done);
        }
    }

    fn wait(&mut self, timeout: Option<Duration>, done: &mut Vec<DiskDone>) {
        let before = done.len();
        self.poll(done);
        if done.len() > before || !self.mailbox.may_sleep() {
            return self.poll(done);
        }
        self.ring.sleep(self.mailbox.bell(), timeout);
        self.mailbox.awake();
        self.poll(done);
    }

    fn waker(&self) -> Arc<dyn Wake> {
        Arc::clone(&self.mailbox) as Arc<dyn Wake>
    }
}

impl Drop for UringDisk {
    fn drop(&mut self) {
        self.mailbox.ring();
        self.ring.drain();
    }
}
