//! From what a client or a leader sent to what is in the log: checks, duplicates, offsets.
//! It waits for nothing: durability is the journal's, replication others' business.

mod append;
mod check;
mod replicate;
mod transactional;
