//! What brokers say of themselves in the moment in which they are asked to end, from their pods' logs.
//! It follows the pods that are there when it begins; a pod that comes later is not followed.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};

use serde::Deserialize;

/// The message of the line that a broker logs on SIGTERM, before it does anything about it.
const MESSAGE: &str = "shutdown: handing the leaders over";

/// What a broker led and coordinated when it was asked to end, as it knew it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub struct LastWord {
    /// Partitions.
    pub leaders: u64,
    /// Partitions of `__consumer_offsets` whose groups it coordinated.
    pub coordinators: u64,
}

/// Follows the log of one pod.
#[derive(Debug)]
pub(crate) struct Listener {
    pod: String,
    kubectl: Child,
    read: Option<JoinHandle<Option<LastWord>>>,
}

impl Listener {
    /// Begins with what the pod says from now on.
    ///
    /// # Errors
    /// When kubectl does not start.
    pub(crate) fn follow(namespace: &str, pod: &str) -> Result<Self, String> {
        let mut kubectl = Command::new("kubectl")
            .args(["--namespace", namespace, "logs", pod, "--follow"])
            .arg("--since=1s")
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("kubectl: {error}"))?;
        let log = BufReader::new(kubectl.stdout.take().expect("stdout is piped"));
        let read = thread::spawn(move || last_word(log));
        Ok(Self {
            pod: pod.to_owned(),
            kubectl,
            read: Some(read),
        })
    }

    /// The pod it follows.
    pub(crate) fn pod(&self) -> &str {
        &self.pod
    }

    /// Ends it, and gives what was heard.
    pub(crate) fn end(&mut self) -> Option<LastWord> {
        let _ = self.kubectl.kill();
        let _ = self.kubectl.wait();
        self.read.take()?.join().ok()?
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.end();
    }
}

/// Reads to the end, so that kubectl is never blocked; a line that is not of this form is another's.
fn last_word(log: impl BufRead) -> Option<LastWord> {
    let mut word = None;
    for line in log.lines().map_while(Result::ok) {
        if line.contains(MESSAGE) {
            word = serde_json::from_str(&line).ok().or(word);
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_shutdown_is_found_among_others() {
        let log = format!(
            "not json\n{{\"message\":\"a segment is closed\",\"leaders\":7}}\n\
             {{\"level\":\"INFO\",\"message\":\"{MESSAGE}\",\"leaders\":2,\"coordinators\":1}}\n"
        );
        let word = LastWord {
            leaders: 2,
            coordinators: 1,
        };
        assert_eq!(last_word(log.as_bytes()), Some(word));
        assert_eq!(last_word("".as_bytes()), None);
    }
}
