//! The harness of the end-to-end tests.
//! It tests from outside only and knows no internals of the broker or operator.

#![forbid(unsafe_code)]
