//! What a record's key and value hold: who sent it, its number, and bytes that follow from both.
//! It knows nothing of topics and offsets.

/// A record as it is sent and recognised again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// A record of this run.
    Ours(u64),
    /// A record of another producer.
    Foreign,
    /// A record of this run whose bytes are not the ones sent.
    Corrupt,
}

/// Composes and checks the records of one producer.
#[derive(Clone, Debug)]
pub(crate) struct Payload {
    producer: String,
    keys: u64,
    value_bytes: usize,
}

impl Payload {
    pub(crate) fn new(producer: &str, keys: u64, value_bytes: usize) -> Self {
        Self {
            producer: producer.to_owned(),
            keys,
            value_bytes,
        }
    }

    pub(crate) fn keys(&self) -> u64 {
        self.keys
    }

    /// The number of the key that a record has.
    pub(crate) fn key_of(&self, sequence: u64) -> u64 {
        sequence % self.keys
    }

    pub(crate) fn key(&self, sequence: u64) -> String {
        format!("key-{}", self.key_of(sequence))
    }

    /// `<producer> <sequence> ` and padding that differs from record to record.
    pub(crate) fn value(&self, sequence: u64) -> Vec<u8> {
        let mut value = format!("{} {sequence} ", self.producer).into_bytes();
        let mut state = sequence.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        while value.len() < self.value_bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            value.push(b'a' + (state % 26) as u8);
        }
        value
    }

    pub(crate) fn parse(&self, value: &[u8]) -> Parsed {
        let mut words = value.splitn(3, |byte| *byte == b' ');
        if words.next() != Some(self.producer.as_bytes()) {
            return Parsed::Foreign;
        }
        let sequence = words
            .next()
            .and_then(|word| std::str::from_utf8(word).ok())
            .and_then(|word| word.parse::<u64>().ok());
        match sequence {
            Some(sequence) if self.value(sequence) == value => Parsed::Ours(sequence),
            _ => Parsed::Corrupt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_recognised_and_a_changed_byte_is_noticed() {
        let payload = Payload::new("p1", 10, 64);
        let mut value = payload.value(1234);
        assert_eq!(value.len(), 64);
        assert_eq!(payload.parse(&value), Parsed::Ours(1234));
        value[40] ^= 1;
        assert_eq!(payload.parse(&value), Parsed::Corrupt);
        assert_eq!(
            payload.parse(&Payload::new("p2", 10, 64).value(5)),
            Parsed::Foreign
        );
    }
}
