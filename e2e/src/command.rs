//! Runs a program to its end and answers its output, or an error that holds the whole story.
//! It bounds nothing in time: kubectl and helm are told their own limits.

use std::io::{self, Write};
use std::process::{Command, ExitStatus, Stdio};

use thiserror::Error;

/// A program that did not do what it was asked.
#[derive(Debug, Error)]
pub enum CommandError {
    /// It could not be started or fed.
    #[error("cannot run `{line}`: {source}")]
    Start {
        /// Program and arguments.
        line: String,
        /// Why.
        source: io::Error,
    },
    /// It ended badly.
    #[error("`{line}` ended with {status}: {stderr}")]
    Failed {
        /// Program and arguments.
        line: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        stderr: String,
    },
    /// Its output is not what was expected.
    #[error("`{line}` answered something else: {source}")]
    Output {
        /// Program and arguments.
        line: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Runs `program` with `arguments`, gives it `input` to read, and answers what it wrote.
///
/// # Errors
/// When it cannot be started or ends with another status than 0.
pub fn run(program: &str, arguments: &[&str], input: &str) -> Result<String, CommandError> {
    let line = format!("{program} {}", arguments.join(" "));
    let start = |source| CommandError::Start {
        line: line.clone(),
        source,
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(start)?;
    let mut stdin = child.stdin.take().expect("stdin is piped");
    // A program that does not read its input closes the pipe; its status says whether that is wrong.
    match stdin.write_all(input.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(start(error)),
        _ => drop(stdin),
    }
    let output = child.wait_with_output().map_err(start)?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(CommandError::Failed {
            line,
            status: output.status,
            stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_tells_what_ran_and_what_it_said() {
        let error = run("sh", &["-c", "echo no >&2; exit 3"], "").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("exit 3") && text.ends_with(": no"), "{text}");
        assert_eq!(run("cat", &[], "input").unwrap(), "input");
    }
}
