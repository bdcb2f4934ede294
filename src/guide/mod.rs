//! How to use this crate well: one page for each question.
//!
//! | page | question |
//! |---|---|
//! | [`start`] | How do I build a client, send with it, and keep it in a struct? |
//! | [`recipes`] | How do I do one particular thing: a batch in order, two keys, a streamed answer? |
//! | [`batch`] | How do I send thousands of requests, in bounded memory, and go on after a crash? |
//! | [`keys`] | How do I use many hosts, many accounts, several deployments? |
//! | [`tokens`] | How do I keep to a limit on tokens per minute? |
//! | [`resuming`] | How do I begin where the last run has ended? |
//! | [`sharing`] | How do I use two keys, or several processes? |
//! | [`fleet`] | How do several processes and machines share one limit? |
//! | [`priorities`] | Which requests go first, how long may they wait, and what do I tell those that wait for nothing? |
//! | [`failing`] | What does a caller see when the API refuses, fails or hangs, and how long does it take? |
//! | [`tuning`] | Which setting is worth changing, and when? |
//! | [`observing`] | How do I see what the layers do? |
//! | [`testing`] | How do I test my own code with these layers in it? |
//! | [`order`] | Which layer goes where, beside tower's, tower-http's and a cache? |
//! | [`extending`] | How do I wrap another client, or write a limit of my own? |

pub mod batch;
pub mod extending;
pub mod failing;
pub mod fleet;
pub mod keys;
pub mod observing;
pub mod order;
pub mod priorities;
pub mod recipes;
pub mod resuming;
pub mod sharing;
pub mod start;
pub mod testing;
pub mod tokens;
pub mod tuning;
