//! The rollout as a pure state machine: one transition per call.
//! It performs no call and reads no clock.

#![forbid(unsafe_code)]
