//! What can go wrong when a broker is asked.
//! Whether to ask again is the caller's decision, with the help of `is_temporary`.

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No broker's address is known.
    #[error("no broker has an address yet; wait for its pod")]
    NoBroker,
    /// The connection failed.
    #[error("broker {broker} at {address} cannot be reached: {why}")]
    Unreachable {
        /// The broker.
        broker: i32,
        /// Its address.
        address: String,
        /// What the network says.
        why: String,
    },
    /// The broker answered that it cannot or will not.
    #[error("broker {broker} refused {path}: {message} ({error}, status {status})")]
    Refused {
        /// The broker.
        broker: i32,
        /// What was asked.
        path: String,
        /// HTTP status.
        status: u16,
        /// A word of `kring_admin_api::error`.
        error: String,
        /// For people.
        message: String,
    },
    /// The answer is not what the contract says.
    #[error("broker {broker} answered {path} with something else than the contract says: {why}")]
    Malformed {
        /// The broker.
        broker: i32,
        /// What was asked.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Error {
    /// Another broker, or the same one later, may answer.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::NoBroker | Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => *status >= 500,
            Self::Malformed { .. } => false,
        }
    }

    /// What the request was decided on has changed.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { status: 409, .. })
    }

    /// The thing asked about does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}
