//! The metadata quorum and what it decides: cluster image, election, placement, fencing, maintenance.
//! It stores nothing itself and never sees records.

#![forbid(unsafe_code)]
