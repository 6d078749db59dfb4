//! How a Produce or Fetch request means a topic: by name, or by id in newer versions (KIP-516).
//! It resolves neither; the requests do, against the cluster image.

use bytes::BytesMut;
use bytestring::ByteString;

use crate::decode::{DecodeError, Decoder};
use crate::encode;
use crate::ids::TopicId;

/// A topic as the client named it; the answer repeats it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TopicRef {
    /// By name. It shares the memory of the request's frame.
    Name(ByteString),
    /// By id.
    Id(TopicId),
}

impl TopicRef {
    /// Reads a name or, `by_id`, an id.
    pub(crate) fn read(
        read: &mut Decoder,
        flexible: bool,
        by_id: bool,
    ) -> Result<TopicRef, DecodeError> {
        if by_id {
            read.topic_id("topic id").map(TopicRef::Id)
        } else {
            read.string("topic name", flexible).map(TopicRef::Name)
        }
    }

    /// Writes what the version wants. A reference of the other kind, which only an answer that
    /// does not match its request holds, becomes the empty name or the zero id.
    pub(crate) fn write(&self, buf: &mut BytesMut, flexible: bool, by_id: bool) {
        match (self, by_id) {
            (TopicRef::Id(id), true) => encode::topic_id(buf, *id),
            (TopicRef::Name(_), true) => encode::topic_id(buf, TopicId::ZERO),
            (TopicRef::Name(name), false) => encode::string(buf, flexible, Some(name)),
            (TopicRef::Id(_), false) => encode::string(buf, flexible, Some("")),
        }
    }
}

impl From<TopicId> for TopicRef {
    fn from(id: TopicId) -> TopicRef {
        TopicRef::Id(id)
    }
}

impl From<&str> for TopicRef {
    fn from(name: &str) -> TopicRef {
        TopicRef::Name(ByteString::from(name))
    }
}
