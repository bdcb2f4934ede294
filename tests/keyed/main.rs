//! A gate for each key, and several gates in front of one job.

mod support;

mod alias;
mod alloc;
mod bound;
mod drops;
mod evict;
mod failing;
mod keys;
mod layers;
mod lives;
mod queued;
mod resume;
mod spread;
mod stacks;
mod types;
mod waits;
