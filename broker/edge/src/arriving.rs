//! Memory of frames that have begun and are not whole, of all connections together.
//! It counts what they hold, not what they claim; who may wait how long for bytes is said in `connection.rs`.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Permit;
use crate::budget::Budget;

/// The memory (EDGE-3). Past it frames wait for each other, but one may grow to its end: were all of
/// them to wait with what they hold, none would ever be whole.
#[derive(Clone, Debug)]
pub(crate) struct Arriving {
    budget: Budget,
    beyond: Arc<Semaphore>,
}

/// What one frame holds of it; dropping it gives it back.
#[derive(Debug, Default)]
pub(crate) struct Share {
    granted: Vec<Permit>,
    bytes: usize,
    beyond: Option<OwnedSemaphorePermit>,
}

impl Arriving {
    /// Memory of `bytes_max`, and one frame more.
    pub(crate) fn new(bytes_max: usize) -> Arriving {
        Arriving {
            budget: Budget::new(bytes_max),
            beyond: Arc::new(Semaphore::new(1)),
        }
    }

    /// Waits until a frame may hold `bytes` instead of what it holds already.
    pub(crate) async fn grow(&self, share: &mut Share, bytes: usize) {
        if share.covers(bytes) {
            return;
        }
        tokio::select! {
            biased;
            more = self.budget.take(bytes - share.bytes) => {
                share.granted.push(more);
                share.bytes = bytes;
            }
            beyond = Arc::clone(&self.beyond).acquire_owned() => share.beyond = beyond.ok(),
        }
    }
}

impl Share {
    /// Whether a frame that holds `bytes` need not ask for more.
    pub(crate) fn covers(&self, bytes: usize) -> bool {
        bytes <= self.bytes || self.beyond.is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// Long enough to see that nothing comes.
    const MOMENT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn frames_that_fill_the_memory_become_whole_one_after_the_other() {
        let arriving = Arriving::new(100 << 10);
        let (mut first, mut second) = (Share::default(), Share::default());
        let mut third = Share::default();
        arriving.grow(&mut first, 50 << 10).await;
        arriving.grow(&mut second, 40 << 10).await;
        arriving.grow(&mut third, 10 << 10).await;
        // There is nothing left; one of them goes on all the same.
        arriving.grow(&mut second, 90 << 10).await;
        let waits = timeout(MOMENT, arriving.grow(&mut first, 60 << 10)).await;
        assert!(waits.is_err());
        drop(second);
        arriving.grow(&mut first, 80 << 10).await;
        arriving.grow(&mut third, 20 << 10).await;
        // And again, up to its end, whatever it becomes.
        arriving.grow(&mut first, 1 << 30).await;
        arriving.grow(&mut first, 2 << 30).await;
        assert!(
            timeout(MOMENT, arriving.grow(&mut third, 30 << 10))
                .await
                .is_err()
        );
    }
}
