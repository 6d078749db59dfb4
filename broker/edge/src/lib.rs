//! Sockets: accept, frames in, iovecs out, back-pressure per connection, peer links.
//! It decides nothing about Kafka semantics.

#![forbid(unsafe_code)]
