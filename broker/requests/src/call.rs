//! A client's request on its way through a handler, and the encoding of the answer.
//! It decides nothing: versions are checked by `dispatch` before a call exists.

use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion};
use kring_io::{Reply, RequestId};
use kring_wire::{DecodeError, frame};

use crate::event::Output;

/// Who waits for an answer, and in which form. Small, so that a waiting operation keeps it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    /// Connection and place.
    pub(crate) request: RequestId,
    /// Version of request and answer.
    pub(crate) version: i16,
    /// Copied into the answer.
    pub(crate) correlation_id: i32,
}

/// A request whose API and version are served and whose body passed the bounds check.
#[derive(Debug)]
pub(crate) struct Call {
    /// Who waits.
    pub(crate) caller: Caller,
    /// The client's name for itself.
    pub(crate) client_id: Option<ByteString>,
    /// The body.
    pub(crate) body: Bytes,
}

/// The body is not what its version says.
#[derive(Debug, thiserror::Error)]
#[error("request body cannot be read: {reason}")]
pub(crate) struct Unreadable {
    /// The decoder's words.
    pub(crate) reason: String,
}

impl From<DecodeError> for Unreadable {
    fn from(error: DecodeError) -> Unreadable {
        Unreadable {
            reason: error.to_string(),
        }
    }
}

impl Call {
    /// The body as a message of `kafka-protocol`, in the call's own version.
    pub(crate) fn decode<M: Decodable>(&self) -> Result<M, Unreadable> {
        self.decode_as(self.caller.version)
    }

    /// The body read in another version with the same bytes.
    pub(crate) fn decode_as<M: Decodable>(&self, version: i16) -> Result<M, Unreadable> {
        let mut body = self.body.clone();
        M::decode(&mut body, version).map_err(|error| Unreadable {
            reason: error.to_string(),
        })
    }

    /// The client's name for itself, empty when it gave none.
    pub(crate) fn client_id(&self) -> &str {
        self.client_id.as_deref().unwrap_or("")
    }
}

impl Caller {
    /// Answers with a message of `kafka-protocol`. A message that cannot be encoded in the
    /// caller's version is a bug: the connection is closed rather than left without an answer.
    pub(crate) fn answer<M: Encodable + HeaderVersion>(self, message: &M, out: &mut Output) {
        self.answer_as(message, self.version, out);
    }

    /// Answers in another version with the same bytes.
    pub(crate) fn answer_as<M: Encodable + HeaderVersion>(
        self,
        message: &M,
        version: i16,
        out: &mut Output,
    ) {
        let flexible = M::header_version(version) >= 1;
        let mut buf = frame::begin_response(self.correlation_id, flexible);
        if let Err(error) = message.encode(&mut buf, version) {
            tracing::error!(version, %error, message = std::any::type_name::<M>(), "answer cannot be encoded; connection closed");
            self.close(out);
            return;
        }
        self.finish(buf, out);
    }

    /// Answers with a body written by hand.
    pub(crate) fn answer_with(
        self,
        flexible_header: bool,
        body: impl FnOnce(&mut BytesMut),
        out: &mut Output,
    ) {
        let mut buf = frame::begin_response(self.correlation_id, flexible_header);
        body(&mut buf);
        self.finish(buf, out);
    }

    /// Answers with a whole frame, its length included.
    pub(crate) fn answer_parts(self, parts: Vec<Bytes>, out: &mut Output) {
        out.effects.replies.push(Reply {
            request: self.request,
            parts,
            tell_taken: false,
        });
    }

    /// Answers with a whole frame; [`crate::Event::Taken`] follows when the client has it.
    pub(crate) fn answer_and_hear(self, parts: Vec<Bytes>, out: &mut Output) {
        self.answer_parts(parts, out);
        if let Some(reply) = out.effects.replies.last_mut() {
            reply.tell_taken = true;
        }
    }

    /// Ends a request that has no answer (acks=0), so that the answers behind it may go.
    pub(crate) fn no_answer(self, out: &mut Output) {
        self.answer_parts(Vec::new(), out);
    }

    /// Closes the connection, as Kafka does for a body it cannot read.
    pub(crate) fn close(self, out: &mut Output) {
        out.effects.close.push(self.request.conn);
    }

    fn finish(self, mut buf: BytesMut, out: &mut Output) {
        frame::finish(&mut buf, 0);
        self.answer_parts(vec![buf.freeze()], out);
    }
}
