//! Faults that a test asks of a simulated disk.
//! It decides nothing at random; the test says which operation is hit.

use kring_io::DiskOp;

/// Which operations a fault may hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OpClass {
    /// [`DiskOp::Open`].
    Open,
    /// [`DiskOp::Read`].
    Read,
    /// [`DiskOp::Write`] and [`DiskOp::WriteGather`].
    Write,
    /// [`DiskOp::Sync`] and [`DiskOp::SyncDir`].
    Sync,
    /// Everything else: lengths, names, lists.
    Name,
}

impl OpClass {
    /// The class of an operation.
    #[must_use]
    pub fn of(op: &DiskOp) -> OpClass {
        match op {
            DiskOp::Open { .. } => OpClass::Open,
            DiskOp::Read { .. } => OpClass::Read,
            DiskOp::Write { .. } | DiskOp::WriteGather { .. } => OpClass::Write,
            DiskOp::Sync { .. } | DiskOp::SyncDir { .. } => OpClass::Sync,
            _ => OpClass::Name,
        }
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The operation fails with this `errno`. A failed write leaves any of its sectors, a failed
    /// sync loses any of the data it was asked for, for good.
    Io(i32),
    /// The operation fails because the disk is full; nothing is written.
    NoSpace,
    /// A write succeeds, its data lands this many bytes further on.
    Misdirected(u64),
    /// A write succeeds, nothing is written.
    Lost,
}

/// A fault that waits for its operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Hits operations on paths that contain this.
    pub path_contains: String,
    /// Hits operations of this class.
    pub class: OpClass,
    /// Lets so many of them pass first.
    pub skip: u32,
    /// Hits so many.
    pub times: u32,
    /// What goes wrong.
    pub kind: FaultKind,
}

/// The faults that still wait.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault that hits this operation, if one does.
    pub(super) fn hit(&mut self, class: OpClass, path: &str) -> Option<FaultKind> {
        let at = self
            .0
            .iter()
            .position(|f| f.class == class && path.contains(&f.path_contains))?;
        let fault = &mut self.0[at];
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        let kind = fault.kind;
        fault.times = fault.times.saturating_sub(1);
        if fault.times == 0 {
            self.0.remove(at);
        }
        Some(kind)
    }
}
