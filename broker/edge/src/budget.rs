//! A budget of bytes that are on their way to the engine; who exceeds it waits, and TCP slows the sender.
//! It does not know what the bytes are.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What the budget counts in: a semaphore counts to 2^32, a budget may be larger in bytes.
const UNIT_BYTES: usize = 1024;

/// Bytes that may be on their way.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    units: Arc<Semaphore>,
    units_max: usize,
}

/// A share of a budget; dropping it gives the share back.
#[derive(Debug)]
pub struct Permit {
    _units: Option<OwnedSemaphorePermit>,
}

impl Budget {
    /// A budget of `bytes_max`.
    pub(crate) fn new(bytes_max: usize) -> Budget {
        let units_max = bytes_max
            .div_ceil(UNIT_BYTES)
            .clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        Budget {
            units: Arc::new(Semaphore::new(units_max)),
            units_max,
        }
    }

    /// Waits until `bytes` are free. More than the whole budget is granted when all of it is free.
    pub(crate) async fn take(&self, bytes: usize) -> Permit {
        let units = bytes.div_ceil(UNIT_BYTES).clamp(1, self.units_max);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.units).acquire_many_owned(units).await;
        // The semaphore is never closed; without it the bytes would merely go uncounted.
        Permit {
            _units: permit.ok(),
        }
    }
}
