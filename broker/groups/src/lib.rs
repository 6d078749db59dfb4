//! Consumer groups: offsets, classic group membership, and their records.
//! It speaks no wire protocol and does no I/O.

#![forbid(unsafe_code)]
