//! Leader and follower roles of partitions: fetch, ISR, epochs, high watermark, truncation.
//! It elects nobody; the controller does.

#![forbid(unsafe_code)]
