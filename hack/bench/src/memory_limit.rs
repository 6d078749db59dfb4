//! A limit of memory for one broker, as a pod's: a control group of its own, of version 1 or 2. It needs root.
//! It does not watch what the broker takes; who takes more is killed by the kernel.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

/// Part of a limit that the broker plans with when it sees the limit of its container.
const PLANNED_PERCENT: u64 = 60;

/// Kernel folder of a group. Dropping it removes the group, which nobody may be in any more.
#[derive(Debug)]
pub(crate) struct MemoryLimit {
    folder: PathBuf,
}

/// What a broker plans with that may take so much.
pub(crate) fn budget(memory_bytes_max: u64) -> u64 {
    memory_bytes_max / 100 * PLANNED_PERCENT
}

impl MemoryLimit {
    /// Makes a group that may take so much.
    pub(crate) fn new(bytes_max: u64) -> Result<MemoryLimit, String> {
        let root = Path::new("/sys/fs/cgroup");
        let name = format!("kring-bench-{}", std::process::id());
        let (folder, limit) = if root.join("memory/memory.limit_in_bytes").exists() {
            (root.join("memory").join(name), "memory.limit_in_bytes")
        } else {
            // Version 2: the controller must be handed down; where it is already, this changes nothing.
            let _ = fs::write(root.join("cgroup.subtree_control"), "+memory");
            (root.join(name), "memory.max")
        };
        let failed = |path: &Path, e| {
            format!(
                "{}: {e}; a limit of memory needs root and a control group of its own",
                path.display()
            )
        };
        fs::create_dir_all(&folder).map_err(|e| failed(&folder, e))?;
        let group = MemoryLimit { folder };
        let file = group.folder.join(limit);
        fs::write(&file, bytes_max.to_string()).map_err(|e| failed(&file, e))?;
        Ok(group)
    }

    /// Runs a program inside, in the process that joined the group.
    pub(crate) fn run(&self, program: &Path) -> Command {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "echo $$ >\"$0\" && exec \"$@\""])
            .arg(self.folder.join("cgroup.procs"))
            .arg(program);
        command
    }
}

impl Drop for MemoryLimit {
    fn drop(&mut self) {
        // The kernel lets go of an ended process a moment later.
        for _ in 0..100 {
            if fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}
