//! The client of the broker admin API: a trait, its HTTP form and an in-memory form.
//! It decides nothing.

#![forbid(unsafe_code)]
