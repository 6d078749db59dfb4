//! Opening and closing of segment files, for those who flush and those who read.
//! Which file to close is `files`' to say.

use kring_io::{DiskDone, DiskOk, DiskOp, Effects, Now};

use super::SegmentKey;
use super::files::{Excess, Waiter};
use crate::Log;
use crate::ops::Pending;

impl Log {
    /// A segment file was opened, or not.
    pub(crate) fn segment_opened(
        &mut self,
        now: Now,
        key: SegmentKey,
        done: DiskDone,
        out: &mut Effects,
    ) {
        match done.result {
            Ok(ok) => {
                let bytes = match ok {
                    DiskOk::Opened { len } => len,
                    _ => 0,
                };
                for waiter in self.files.opened(key, bytes) {
                    match waiter {
                        Waiter::Flush(tp) => self.flush_file_open(now, tp, out),
                        Waiter::Read(id) => self.cold_read_open(id, out),
                    }
                }
            }
            Err(error) => {
                for waiter in self.files.open_failed(key) {
                    match waiter {
                        Waiter::Flush(tp) => self.flush_failed(now, tp, &error, out),
                        Waiter::Read(id) => self.cold_read_failed(id, &error, out),
                    }
                }
            }
        }
    }

    /// Keeps the number of open segment files below its cap.
    pub(crate) fn close_excess_files(&mut self, out: &mut Effects) {
        while let Some(excess) = self.files.excess(self.config.open_segments_max) {
            match excess {
                Excess::Close(file) => self.ops.close(out, file),
                Excess::Sync(key, file, written) => {
                    let pending = Pending::SyncExcess(key, written);
                    self.op(out, DiskOp::Sync { file }, pending);
                }
            }
        }
    }

    pub(crate) fn excess_synced(
        &mut self,
        key: SegmentKey,
        written: u64,
        done: &DiskDone,
        out: &mut Effects,
    ) {
        match &done.result {
            Ok(_) => {
                self.files.synced(key, written);
                if let Some(file) = self.files.release(key) {
                    self.ops.close(out, file);
                }
            }
            Err(error) => self.fail_write(&error.clone()),
        }
    }
}
