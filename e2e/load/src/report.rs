//! The JSON in which a load run says what it sent, what was acknowledged and what came back.
//! The Java client in `e2e/java` prints the same; nothing here is computed.

use serde::{Deserialize, Serialize};

/// Precedes the report on its line, so that it is found among the progress lines of a pod's log.
pub const REPORT_MARK: &str = "REPORT ";

/// One run. A record is one sequence number of one producer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Library and version.
    pub client: String,
    /// Topic used.
    pub topic: String,
    /// Name of the producer, in every record.
    pub producer: String,
    /// How long records were sent.
    pub seconds: f64,
    /// Records given to the client library.
    pub sent: u64,
    /// Records acknowledged by acks=all.
    pub acknowledged: u64,
    /// Records whose delivery failed for good: an application would have seen an error.
    pub errors: u64,
    /// The first of those errors.
    pub first_error: Option<String>,
    /// Different records the group's consumer got while the load ran.
    pub received: u64,
    /// Acknowledged records that the group's consumer did not get in time.
    pub missed: u64,
    /// Acknowledged records that are not in the topic when it is read again from its beginning.
    pub lost: u64,
    /// Records that are in the topic at more than one offset.
    pub duplicated: u64,
    /// Offsets the group's consumer got more than once, as a group may after its members change.
    pub redelivered: u64,
    /// Acknowledged records found elsewhere than where the acknowledgement said.
    pub misplaced: u64,
    /// The first of them: where it was said to be and where it is.
    pub first_misplaced: Option<String>,
    /// Records of a key that came after a later record of that key.
    pub out_of_order: u64,
    /// Records whose bytes are not the ones sent.
    pub corrupt: u64,
    /// Longest time without an acknowledgement of any one partition, in milliseconds.
    pub longest_pause_ms: f64,
    /// From giving a record to the library to its acknowledgement.
    pub ack_latency: AckLatency,
    /// In the order of their numbers.
    pub partitions: Vec<PartitionReport>,
}

/// Quantiles in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AckLatency {
    /// Half of the records took at most this long.
    pub p50_ms: f64,
    /// 99 of 100 took at most this long.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// One partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PartitionReport {
    /// Its number.
    pub partition: i32,
    /// Records acknowledged in it.
    pub acknowledged: u64,
    /// Longest time between two of its acknowledgements, in milliseconds.
    pub longest_pause_ms: f64,
    /// When that pause began, in seconds since the first record was sent.
    pub longest_pause_at_seconds: f64,
}

impl Report {
    /// Reads the report out of a log that holds other lines too.
    ///
    /// # Errors
    /// When no line holds a report, with the last line there is, or when it is not valid.
    pub fn find(log: &str) -> Result<Self, String> {
        let line = log
            .lines()
            .rev()
            .find_map(|line| line.split_once(REPORT_MARK))
            .ok_or_else(|| {
                format!(
                    "no report in the log; its last line is: {}",
                    log.lines().last().unwrap_or("(none)")
                )
            })?;
        serde_json::from_str(line.1).map_err(|error| format!("bad report {:?}: {error}", line.1))
    }

    /// Everything that must not happen to an acks=all producer and its readers, as sentences.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        let first_error = self.first_error.as_deref().unwrap_or("");
        let misplaced = self.first_misplaced.as_deref().unwrap_or("");
        let misplaced = format!("records are not where they were acknowledged {misplaced}");
        [
            (self.lost, "acknowledged records are lost"),
            (
                self.missed,
                "acknowledged records never reached the consumer",
            ),
            (self.duplicated, "records are in the topic twice"),
            (self.misplaced, misplaced.trim_end()),
            (self.out_of_order, "records overtook one of their key"),
            (self.corrupt, "records changed their bytes"),
            (self.errors, "records failed in the producer"),
            (
                self.sent - (self.acknowledged + self.errors).min(self.sent),
                "records were never answered",
            ),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| {
            format!("{count} {what} {first_error}")
                .trim_end()
                .to_owned()
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_found_among_progress_lines() {
        let report = Report {
            sent: 3,
            acknowledged: 3,
            ..Report::default()
        };
        let json = serde_json::to_string(&report).unwrap();
        let log = format!("1 s: 3 sent\n{REPORT_MARK}{json}\nbye\n");
        assert_eq!(Report::find(&log), Ok(report));
        assert!(
            Report::find("1 s: 3 sent\n")
                .unwrap_err()
                .contains("3 sent")
        );
    }

    #[test]
    fn every_broken_promise_is_a_violation() {
        let report = Report {
            sent: 10,
            acknowledged: 7,
            errors: 1,
            first_error: Some("timed out".to_owned()),
            lost: 2,
            ..Report::default()
        };
        let violations = report.violations();
        assert_eq!(violations.len(), 3, "{violations:?}");
        assert!(violations[0].starts_with("2 acknowledged records are lost"));
    }
}
