//! Shuts the whole run up in namespaces of its own: processes, mounts and network.
//! Whatever way the run ends, the kernel removes them with everything in them; nothing here cleans up after it.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::command::run;

/// Says to the second start of this program that it is inside.
const INSIDE: &str = "KRING_CHAOS_INSIDE";

/// Starts this program again inside; returns only there, or when that is not possible.
///
/// It is the first process of its process namespace: when it ends, or when the `unshare` around it
/// is killed, the kernel kills every process in there. Mounts, loop devices (which detach with the
/// last unmount), bridges, namespaces and firewall rules go with the namespaces.
///
/// # Errors
/// Without root, or when the system has no `unshare`.
pub(crate) fn enter() -> Result<(), String> {
    if std::env::var_os(INSIDE).is_some() {
        return prepare();
    }
    if !rustix::process::geteuid().is_root() {
        return Err("namespaces, mounts and firewall rules need root; run it as root".to_owned());
    }
    let program =
        std::env::current_exe().map_err(|e| format!("the path of this program is unknown: {e}"))?;
    let error = Command::new("unshare")
        .args(["--pid", "--fork", "--kill-child=KILL", "--mount", "--net"])
        .args(["--mount-proc", "--propagation", "private", "--"])
        .arg(program)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1")
        .exec();
    Err(format!(
        "cannot run unshare (Debian package util-linux): {error}"
    ))
}

/// A place for names of network namespaces that the rest of the machine does not see.
fn prepare() -> Result<(), String> {
    std::fs::create_dir_all("/run/netns").map_err(|e| format!("/run/netns: {e}"))?;
    run(&["mount", "-t", "tmpfs", "netns", "/run/netns"]).map(drop)
}
