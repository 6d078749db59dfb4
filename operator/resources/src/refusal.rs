//! Why a spec cannot be carried out.
//! A refusal never stops the brokers that run; it only keeps the spec from being applied.

use std::fmt;

/// One thing that is wrong, with what is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A word for programs, as a condition's reason.
    pub reason: &'static str,
    /// What is wrong and what to do, for people.
    pub message: String,
}

/// Everything that is wrong, so that a user mends it in one go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals(pub Vec<Refusal>);

impl Refusals {
    /// Adds one.
    pub fn push(&mut self, reason: &'static str, message: impl Into<String>) {
        self.0.push(Refusal {
            reason,
            message: message.into(),
        });
    }

    /// The reason of the first, which stands for all in a condition.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.0.first().map_or("Invalid", |refusal| refusal.reason)
    }
}

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, refusal) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}{}", refusal.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusals {}
