//! Appends Kafka's primitive types to a buffer, classic or compact.
//! It knows no message; see `produce` and `fetch` for those.

use bytes::{BufMut, BytesMut};

use crate::ids::TopicId;
use crate::varint;

/// Appends the length of an array, `None` for null.
pub fn array(buf: &mut BytesMut, flexible: bool, len: Option<usize>) {
    match (flexible, len) {
        (true, len) => varint::write_u64(buf, len.map_or(0, |n| n as u64 + 1)),
        (false, Some(n)) => buf.put_i32(i32::try_from(n).expect("an array we built fits in i32")),
        (false, None) => buf.put_i32(-1),
    }
}

/// Appends the length of bytes or records that follow elsewhere, `None` for null.
pub fn bytes_len(buf: &mut BytesMut, flexible: bool, len: Option<usize>) {
    array(buf, flexible, len);
}

/// Appends a string, `None` for null. A classic string holds at most 32,767 bytes; a longer one,
/// only ever an error text, is cut at a character.
pub fn string(buf: &mut BytesMut, flexible: bool, text: Option<&str>) {
    match (flexible, text) {
        (true, None) => buf.put_u8(0),
        (false, None) => buf.put_i16(-1),
        (true, Some(text)) => {
            varint::write_u64(buf, text.len() as u64 + 1);
            buf.put_slice(text.as_bytes());
        }
        (false, Some(text)) => {
            let text = &text[..text.floor_char_boundary(i16::MAX as usize)];
            buf.put_i16(text.len() as i16);
            buf.put_slice(text.as_bytes());
        }
    }
}

/// Appends a topic id.
pub fn topic_id(buf: &mut BytesMut, id: TopicId) {
    buf.put_slice(&id.0);
}

/// Appends an empty tag section; nothing in a version without tags.
pub fn no_tags(buf: &mut BytesMut, flexible: bool) {
    if flexible {
        buf.put_u8(0);
    }
}

/// Appends one tagged field.
pub fn tag(buf: &mut BytesMut, number: u32, content: &[u8]) {
    varint::write_u32(buf, number);
    varint::write_u64(buf, content.len() as u64);
    buf.put_slice(content);
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::Decoder;

    #[test]
    fn strings_and_lengths_read_back_in_both_encodings() {
        for flexible in [false, true] {
            let mut buf = BytesMut::new();
            string(&mut buf, flexible, Some("café"));
            string(&mut buf, flexible, None);
            array(&mut buf, flexible, Some(2));
            buf.put_slice(b"ab");
            let mut read = Decoder::new(buf.freeze());
            assert_eq!(&*read.string("s", flexible).unwrap(), "café");
            assert_eq!(read.nullable_string("s", flexible), Ok(None));
            assert_eq!(read.array("a", flexible, 1), Ok(2));
            assert_eq!(read.into_rest(), Bytes::from_static(b"ab"));
        }
    }

    #[test]
    fn a_classic_string_is_cut_at_a_character() {
        let mut buf = BytesMut::new();
        string(&mut buf, false, Some(&"é".repeat(20_000)));
        assert_eq!(buf.len(), 2 + 32_766);
    }
}
