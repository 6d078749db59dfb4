//! The broker engine: sessions, dispatch, one module per Kafka API, and the routing between the engines.
//! It owns no socket, thread, clock or file.

#![forbid(unsafe_code)]
