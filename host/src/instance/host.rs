//! The interface `host` that every guest gets.

/// A node in the graph, as a guest holds it.
pub struct NodeHandle;

/// A node class, as a guest holds it.
pub struct ClassHandle;
