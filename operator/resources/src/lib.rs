//! Pure functions from a validated cluster to the Kubernetes objects it becomes.
//! They read and write nothing.

#![forbid(unsafe_code)]
