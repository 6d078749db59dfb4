//! The machine against a toy cluster: scenarios as text files, random interleavings, and all reachable states.
//! The toy knows pods, partitions and leaders, and checks ROLL-1 and ROLL-2 at each deletion.

mod model;
mod properties;
mod scenarios;
mod world;
