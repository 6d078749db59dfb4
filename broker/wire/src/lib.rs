//! Kafka bytes: frames, headers, record batches, Produce and Fetch codecs, error codes and the caps on hostile input.
//! It holds no state and performs no I/O.

#![forbid(unsafe_code)]
