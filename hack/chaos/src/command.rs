//! Runs programs of the system (ip, iptables, mount, …) to their end.
//! It starts nothing that outlives the call.

use std::process::{Command, Stdio};

/// Runs a program and gives its standard output.
///
/// # Errors
/// When it cannot be started or fails; with its command line and what it said.
pub(crate) fn run(line: &[&str]) -> Result<String, String> {
    let (program, arguments) = line.split_first().expect("a command names a program");
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("cannot run `{}`: {e}", line.join(" ")))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!(
            "`{}` failed ({}): {}",
            line.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        ))
    }
}
