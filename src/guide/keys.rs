//! placeholder
//! # With tower's balance
