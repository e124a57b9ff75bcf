//! What JSON is taken, and as what.

mod descriptors;
mod forms;
mod random;
mod writer;
