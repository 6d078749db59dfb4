//! A disk that can lose power: a file served over FUSE, on it a loop device, on that ext4.
//! The model is in `disk::cache`; nothing here knows a broker.

pub(crate) mod cache;
pub(crate) mod mount;
mod serve;
#[cfg(test)]
mod tests;
