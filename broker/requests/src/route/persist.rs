//! The metadata quorum's writes that are in the journal and not yet durable.
//! A vote or entry counts only after its token is given back.

use std::collections::VecDeque;

use kring_log::Lsn;

/// Tokens in the order of their writes.
#[derive(Debug, Default)]
pub(crate) struct Persisting {
    waiting: VecDeque<(Lsn, u64)>,
}

impl Persisting {
    /// The writes of `token` end in group `lsn`.
    pub(crate) fn add(&mut self, lsn: Lsn, token: u64) {
        self.waiting.push_back((lsn, token));
    }

    /// The last token whose writes are durable; it stands for all before it.
    pub(crate) fn durable(&mut self, lsn: Lsn) -> Option<u64> {
        let mut last = None;
        while let Some((needed, token)) = self.waiting.front().copied()
            && needed <= lsn
        {
            self.waiting.pop_front();
            last = Some(token);
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_when_its_group_is_durable() {
        let mut persisting = Persisting::default();
        persisting.add(Lsn(4), 1);
        persisting.add(Lsn(4), 2);
        persisting.add(Lsn(6), 3);
        assert_eq!(persisting.durable(Lsn(3)), None);
        assert_eq!(persisting.durable(Lsn(5)), Some(2));
        assert_eq!(persisting.durable(Lsn(5)), None);
        assert_eq!(persisting.durable(Lsn(9)), Some(3));
    }
}
