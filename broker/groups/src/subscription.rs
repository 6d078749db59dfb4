//! The topics in a consumer's subscription (`ConsumerProtocolSubscription`, any version).
//! It reads no more than that: assignors' own data is theirs.

use std::collections::BTreeSet;

use bytes::Bytes;
use kring_wire::{DecodeError, Decoder};

/// The protocol type of consumers.
pub(crate) const CONSUMER: &str = "consumer";

/// The topics of one subscription. Every version begins with them.
pub(crate) fn topics(metadata: &Bytes) -> Result<BTreeSet<String>, DecodeError> {
    let mut metadata = Decoder::new(metadata.clone());
    metadata.i16("version")?;
    // A topic has at least the two bytes of its length.
    let count = metadata.array("topics", false, 2)?;
    let mut topics = BTreeSet::new();
    for _ in 0..count {
        topics.insert(metadata.string("topic", false)?.to_string());
    }
    Ok(topics)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topics_of_a_subscription_are_read_whatever_follows() {
        let bytes = b"\0\x01\0\0\0\x02\0\x01a\0\x02bc\0\0\0\0\0\0\0\0rest";
        let names: Vec<_> = topics(&Bytes::from_static(bytes))
            .unwrap()
            .into_iter()
            .collect();
        assert_eq!(names, ["a", "bc"]);
    }

    #[test]
    fn a_count_that_cannot_fit_is_refused() {
        assert!(topics(&Bytes::from_static(b"\0\x01\x7f\xff\xff\xff\0\x01a")).is_err());
        assert!(topics(&Bytes::new()).is_err());
    }
}
