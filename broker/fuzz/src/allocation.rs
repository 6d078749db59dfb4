//! What bytes from outside may make the broker allocate, as assertions around the code that they reach.
//! `allocation-counter` counts, for each thread by itself; its allocator is that of every program with this crate in it.

use kring_wire::decode::DECODED_BYTES_MAX;

/// Memory beside twice the bytes received that a peer may take before it has proven who it is.
const UNPROVEN_BYTES_MAX: usize = 64 << 10;

/// Runs what a peer reaches before it has proven who it is, with everything kept of the `received` bytes.
///
/// # Panics
/// When it holds more at a time than twice those bytes and 64 KiB.
pub fn unproven<T>(received: usize, run: impl FnOnce() -> T) -> T {
    within(received, 2 * received + UNPROVEN_BYTES_MAX, run)
}

/// Runs a decoder behind the bounds check, or one of our own.
///
/// # Panics
/// When it holds more at a time than twice the `received` bytes and what one request may take.
pub fn decoder<T>(received: usize, run: impl FnOnce() -> T) -> T {
    within(received, 2 * received + DECODED_BYTES_MAX, run)
}

fn within<T>(received: usize, bytes_max: usize, run: impl FnOnce() -> T) -> T {
    let mut result = None;
    let taken = allocation_counter::measure(|| result = Some(run()));
    let bytes = usize::try_from(taken.bytes_max).unwrap_or(usize::MAX);
    assert!(
        bytes <= bytes_max,
        "{received} bytes made the broker hold {bytes} bytes, at most {bytes_max} are allowed"
    );
    result.expect("the closure ran")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_passes_even_twice() {
        for _ in 0..2 {
            unproven(10, || drop(vec![0_u8; UNPROVEN_BYTES_MAX + 20]));
        }
    }

    #[test]
    #[should_panic(expected = "10 bytes made the broker hold 65557 bytes")]
    fn a_byte_more_is_seen_although_it_is_given_back() {
        unproven(10, || drop(vec![0_u8; UNPROVEN_BYTES_MAX + 21]));
    }
}
