//! The one encoding of what is stored and sent here: a format number, then postcard.
//! It knows no type; a new format gets a new number, so that an older broker refuses it instead of misreading it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Format of entries, snapshots and messages. In one format new enum variants may be added at the
/// end and nothing else may change.
const FORMAT: u8 = 1;

pub(crate) fn encode<T: Serialize>(value: &T) -> Bytes {
    let bytes = postcard::to_extend(value, vec![FORMAT]);
    Bytes::from(bytes.expect("plain structs are encoded into memory"))
}

/// `None` when the bytes are damaged or of another format.
pub(crate) fn decode<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Option<T> {
    let (format, value) = bytes.split_first()?;
    let value = (*format == FORMAT).then_some(value)?;
    postcard::from_bytes(value).ok()
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn what_was_encoded_is_decoded_and_nothing_else() {
        let value = (7_u32, "seven".to_owned());
        let bytes = encode(&value);
        assert_eq!(decode::<(u32, String)>(&bytes), Some(value));
        assert_eq!(decode::<(u32, String)>(&bytes[..4]), None);
        assert_eq!(decode::<(u32, String)>(&[]), None);
    }

    #[test]
    fn another_format_is_refused() {
        let mut bytes = encode(&7_u32).to_vec();
        bytes[0] += 1;
        assert_eq!(decode::<u32>(&bytes), None);
    }
}
