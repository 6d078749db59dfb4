//! Variable-length integers of records (zigzag) and of compact fields (unsigned).
//! It reads from a slice that advances and never past five or ten bytes.

use bytes::BufMut;

/// Reads an unsigned varint of 32 bits. `None`: the bytes end or the number is too large; `buf` is
/// then unchanged.
pub fn read_u32(buf: &mut &[u8]) -> Option<u32> {
    let mut value = 0u64;
    for (i, byte) in buf.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            let value = u32::try_from(value).ok()?;
            *buf = &buf[i + 1..];
            return Some(value);
        }
    }
    None
}

/// Reads an unsigned varint of 64 bits. `None`: the bytes end or the number is too large; `buf` is
/// then unchanged.
pub fn read_u64(buf: &mut &[u8]) -> Option<u64> {
    let mut value = 0u128;
    for (i, byte) in buf.iter().take(10).enumerate() {
        value |= u128::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            let value = u64::try_from(value).ok()?;
            *buf = &buf[i + 1..];
            return Some(value);
        }
    }
    None
}

/// Reads a zigzag varint of 32 bits, as [`read_u32`].
pub fn read_i32(buf: &mut &[u8]) -> Option<i32> {
    read_u32(buf).map(|n| (n >> 1).cast_signed() ^ -(n & 1).cast_signed())
}

/// Reads a zigzag varint of 64 bits, as [`read_u64`].
pub fn read_i64(buf: &mut &[u8]) -> Option<i64> {
    read_u64(buf).map(|n| (n >> 1).cast_signed() ^ -(n & 1).cast_signed())
}

/// Appends an unsigned varint.
pub fn write_u32(buf: &mut impl BufMut, value: u32) {
    write_u64(buf, u64::from(value));
}

/// Appends an unsigned varint.
pub fn write_u64(buf: &mut impl BufMut, mut value: u64) {
    while value >= 0x80 {
        buf.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    buf.put_u8(value as u8);
}

/// Appends a zigzag varint.
pub fn write_i32(buf: &mut impl BufMut, value: i32) {
    write_i64(buf, i64::from(value));
}

/// Appends a zigzag varint.
pub fn write_i64(buf: &mut impl BufMut, value: i64) {
    write_u64(buf, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// Bytes of an unsigned varint.
#[must_use]
pub fn len_u64(value: u64) -> usize {
    (u64::BITS - (value | 1).leading_zeros()).div_ceil(7) as usize
}

/// Bytes of a zigzag varint.
#[must_use]
pub fn len_i64(value: i64) -> usize {
    len_u64(((value << 1) ^ (value >> 63)).cast_unsigned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_and_its_length_is_known(value: i64) {
            let mut bytes = Vec::new();
            write_i64(&mut bytes, value);
            prop_assert_eq!(bytes.len(), len_i64(value));
            let mut rest = &bytes[..];
            prop_assert_eq!(read_i64(&mut rest), Some(value));
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn thirty_two_bits_read_like_sixty_four(value: i32) {
            let mut bytes = Vec::new();
            write_i32(&mut bytes, value);
            prop_assert_eq!(read_i32(&mut &bytes[..]), Some(value));
            prop_assert_eq!(read_i64(&mut &bytes[..]), Some(i64::from(value)));
        }
    }

    #[test]
    fn zigzag_is_the_one_of_protocol_buffers() {
        for (value, bytes) in [
            (0, vec![0]),
            (-1, vec![1]),
            (1, vec![2]),
            (63, vec![0x7e]),
            (-64, vec![0x7f]),
            (64, vec![0x80, 0x01]),
            (i32::MIN, vec![0xff, 0xff, 0xff, 0xff, 0x0f]),
        ] {
            let mut written = Vec::new();
            write_i32(&mut written, value);
            assert_eq!(written, bytes);
        }
    }

    #[test]
    fn an_endless_or_too_large_varint_is_refused() {
        assert_eq!(read_u32(&mut &[0x80; 4][..]), None);
        assert_eq!(read_u32(&mut &[0xff, 0xff, 0xff, 0xff, 0x10][..]), None);
        assert_eq!(read_u32(&mut &[0x80; 9][..]), None);
        assert_eq!(read_u64(&mut &[0xff; 20][..]), None);
        let mut too_large = [0xff; 10];
        too_large[9] = 0x02;
        assert_eq!(read_u64(&mut &too_large[..]), None);
    }
}
