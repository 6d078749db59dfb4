//! Developer commands: codegen, tidy, ci lanes.
//! It ships in no image.

#![forbid(unsafe_code)]

fn main() {}
