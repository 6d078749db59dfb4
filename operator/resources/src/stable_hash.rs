//! A hash that is the same in every build and on every machine (FNV-1a, 64 bits).
//! It names content; it protects against nothing.

/// Hashes text to 12 hexadecimal digits.
#[must_use]
pub fn hash(text: &str) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in text.bytes() {
        hash ^= u64::from(byte);
        hash = hash.wrapping_mul(0x0000_0100_0000_01b3);
    }
    // Folded, so that the short form still depends on all bits.
    format!("{:012x}", (hash >> 48) ^ (hash & 0xffff_ffff_ffff))
}

/// Hashes what serializes; map keys must be ordered.
#[must_use]
pub fn hash_of(value: &impl serde::Serialize) -> String {
    hash(&serde_json::to_string(value).expect("Kubernetes objects are plain data"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_never_changes_between_builds() {
        assert_eq!(hash(""), "9ce48422e8d7");
        assert_ne!(hash("a"), hash("b"));
    }
}
