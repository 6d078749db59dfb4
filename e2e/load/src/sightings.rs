//! The account of one reading of the topic: which records were seen, where, how often and in what order.
//! It reads nothing itself; one is kept for the group's consumer and one for the reading from the beginning.

use crate::acks::Position;
use crate::payload::{Parsed, Payload};

/// What one reader saw of this run's records.
pub(crate) struct Sightings {
    payload: Payload,
    /// By sequence number: where it was seen first.
    first: Vec<Option<Position>>,
    /// By key: the highest sequence number seen, plus one.
    progress: Vec<u64>,
    seen: u64,
    duplicated: u64,
    redelivered: u64,
    out_of_order: u64,
    corrupt: u64,
}

impl Sightings {
    pub(crate) fn new(payload: Payload) -> Self {
        let keys = usize::try_from(payload.keys()).expect("the number of keys fits in memory");
        Self {
            payload,
            first: Vec::new(),
            progress: vec![0; keys],
            seen: 0,
            duplicated: 0,
            redelivered: 0,
            out_of_order: 0,
            corrupt: 0,
        }
    }

    /// One record at its place. `sent` bounds the numbers that can be genuine.
    pub(crate) fn saw(&mut self, position: Position, value: &[u8], sent: u64) {
        match self.payload.parse(value) {
            Parsed::Foreign => {}
            Parsed::Ours(sequence) if sequence < sent => self.count(sequence, position),
            Parsed::Ours(_) | Parsed::Corrupt => self.corrupt += 1,
        }
    }

    fn count(&mut self, sequence: u64, position: Position) {
        let index = usize::try_from(sequence).expect("a sequence number fits in memory");
        if self.first.len() <= index {
            self.first.resize(index + 1, None);
        }
        match self.first[index] {
            Some(first) if first == position => {
                self.redelivered += 1;
                return;
            }
            Some(_) => {
                self.duplicated += 1;
                return;
            }
            None => {
                self.first[index] = Some(position);
                self.seen += 1;
            }
        }
        let key = usize::try_from(self.payload.key_of(sequence)).expect("a key fits in memory");
        if sequence < self.progress[key] {
            self.out_of_order += 1;
        }
        self.progress[key] = self.progress[key].max(sequence + 1);
    }

    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    pub(crate) fn duplicated(&self) -> u64 {
        self.duplicated
    }

    pub(crate) fn redelivered(&self) -> u64 {
        self.redelivered
    }

    pub(crate) fn out_of_order(&self) -> u64 {
        self.out_of_order
    }

    pub(crate) fn corrupt(&self) -> u64 {
        self.corrupt
    }

    /// Acknowledged records that were not seen.
    pub(crate) fn missing(&self, acknowledged: &[Option<Position>]) -> u64 {
        let absent = |index: usize| self.first.get(index).copied().flatten().is_none();
        acknowledged
            .iter()
            .enumerate()
            .filter(|(index, position)| position.is_some() && absent(*index))
            .count() as u64
    }

    /// Acknowledged records that were seen elsewhere than acknowledged.
    pub(crate) fn misplaced(&self, acknowledged: &[Option<Position>]) -> u64 {
        self.moved(acknowledged).count() as u64
    }

    /// The first of them, as a fact.
    pub(crate) fn first_misplaced(&self, acknowledged: &[Option<Position>]) -> Option<String> {
        let (index, said, found) = self.moved(acknowledged).next()?;
        Some(format!(
            "(record {index} was said to be at {}/{} and is at {}/{})",
            said.partition, said.offset, found.partition, found.offset
        ))
    }

    fn moved(
        &self,
        acknowledged: &[Option<Position>],
    ) -> impl Iterator<Item = (usize, Position, Position)> {
        let both = acknowledged.iter().zip(&self.first).enumerate();
        both.filter_map(|(index, (said, found))| {
            let (said, found) = ((*said)?, (*found)?);
            // librdkafka knows no offset (-1001) of what it takes for acknowledged because a later batch of the same
            // producer was, after the connection had taken the answer away (its pull request 2081).
            let elsewhere = said.offset >= 0 && said.offset != found.offset;
            (elsewhere || said.partition != found.partition).then_some((index, said, found))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: i64) -> Position {
        Position {
            partition: 0,
            offset,
        }
    }

    fn sightings() -> (Payload, Sightings) {
        let payload = Payload::new("p", 2, 32);
        (payload.clone(), Sightings::new(payload))
    }

    #[test]
    fn an_acknowledged_record_that_is_not_seen_is_missing() {
        let (payload, mut sightings) = sightings();
        sightings.saw(at(0), &payload.value(0), 3);
        let acknowledged = [Some(at(0)), Some(at(1)), None];
        assert_eq!(sightings.missing(&acknowledged), 1);
        assert_eq!(sightings.misplaced(&acknowledged), 0);
        assert_eq!(sightings.misplaced(&[Some(at(5))]), 1);
        assert_eq!(sightings.misplaced(&[Some(at(-1001))]), 0);
        assert_eq!(sightings.missing(&[None, Some(at(-1001))]), 1);
        assert_eq!(
            sightings.first_misplaced(&[Some(at(5))]).unwrap(),
            "(record 0 was said to be at 0/5 and is at 0/0)"
        );
    }

    #[test]
    fn the_same_record_elsewhere_is_a_duplicate_and_at_the_same_place_a_redelivery() {
        let (payload, mut sightings) = sightings();
        sightings.saw(at(0), &payload.value(0), 1);
        sightings.saw(at(0), &payload.value(0), 1);
        assert_eq!((sightings.duplicated(), sightings.redelivered()), (0, 1));
        sightings.saw(at(7), &payload.value(0), 1);
        assert_eq!((sightings.duplicated(), sightings.redelivered()), (1, 1));
        assert_eq!(sightings.seen(), 1);
    }

    #[test]
    fn order_is_kept_per_key_and_not_between_keys() {
        let (payload, mut sightings) = sightings();
        for (offset, sequence) in [(0, 1), (1, 0), (2, 4), (3, 2)] {
            sightings.saw(at(offset), &payload.value(sequence), 5);
        }
        assert_eq!(sightings.out_of_order(), 1);
    }

    #[test]
    fn a_number_that_was_never_sent_is_corrupt() {
        let (payload, mut sightings) = sightings();
        sightings.saw(at(0), &payload.value(9), 5);
        assert_eq!(sightings.corrupt(), 1);
    }
}
