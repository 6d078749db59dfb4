//! The client of the broker admin API: a trait, its HTTP form and an in-memory form.
//! It decides nothing.

#![forbid(unsafe_code)]

mod brokers;
mod error;
mod http;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
mod transport;

pub use brokers::{Brokers, Endpoint};
pub use error::Error;
pub use http::Http;
pub use transport::{Call, Method, Reply, Transport};
