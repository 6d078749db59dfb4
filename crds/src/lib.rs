//! The Kubernetes API types of kring.io.
//! They hold no reconcile logic; the YAML beside them is generated from these types.

#![forbid(unsafe_code)]
