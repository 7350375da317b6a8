//! What a guest can reach of the world, one file for each capability, all of one shape.

pub mod serial;
