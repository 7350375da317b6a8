//! Serial ports.

/// An open port.
pub struct Port;
