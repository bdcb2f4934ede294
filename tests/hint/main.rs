//! What is read of a response: dialect by dialect, from recorded answers, and from any bytes.

mod dialects;
mod properties;
mod vectors;
