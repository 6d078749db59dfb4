//! The trait through which one exchange with one broker goes.
//! It knows methods, paths and bytes, not what they mean.

use futures::future::BoxFuture;

use crate::brokers::Endpoint;
use crate::error::Error;

/// HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Read.
    Get,
    /// Do.
    Post,
    /// Change.
    Patch,
    /// Write whole.
    Put,
    /// Remove.
    Delete,
}

impl Method {
    /// The method's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// JSON; empty for none.
    pub body: Vec<u8>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// JSON.
    pub body: Vec<u8>,
}

/// Carries a request to a broker and the answer back.
pub trait Transport: Send + Sync {
    /// One exchange, bounded in time.
    fn exchange<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        token: &'a str,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Reply, Error>>;
}
