//! Request bodies that are read once, and those that are kept while they are read.

mod error;
mod lent;
mod reader;
mod single_use;
mod source;

pub use error::ReplayError;
pub use reader::ReplayBody;
pub use single_use::SingleUse;
