//! Reconcile loops, one folder per kind: observe, validate, apply, status.
//! It is the only writer of managed objects and holds no process concerns.

#![forbid(unsafe_code)]
