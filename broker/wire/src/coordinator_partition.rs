//! Which partition of a coordinators' topic a group or a transactional id lives in.
//! It does not know who leads that partition.

/// As Kafka's `GroupCoordinatorService.partitionFor` and `TransactionStateManager.partitionFor`: Java's
/// `String.hashCode`, its sign cleared, modulo the number of partitions (at least 1), so that the records can move
/// between the two.
#[must_use]
pub fn coordinator_partition(key: &str, partitions: i32) -> i32 {
    let hash = key.encode_utf16().fold(0i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    });
    (hash & i32::MAX) % partitions.max(1)
}

#[cfg(test)]
mod tests {
    use super::coordinator_partition;

    #[test]
    fn a_key_hashes_as_javas_string() {
        // "hello".hashCode() is 99162322; "polygenelubricants".hashCode() is Integer.MIN_VALUE.
        assert_eq!(coordinator_partition("hello", i32::MAX), 99_162_322);
        assert_eq!(coordinator_partition("polygenelubricants", 50), 0);
        assert_eq!(coordinator_partition("", 50), 0);
        // Outside the basic plane Java counts both surrogates: "😀".hashCode() is 1772899.
        assert_eq!(coordinator_partition("😀", i32::MAX), 1_772_899);
    }
}
