//! The I/O seam: time, disk operations, effects and identifiers that cross it.
//! It performs no I/O, reads no clock and draws no randomness of its own.

#![forbid(unsafe_code)]
