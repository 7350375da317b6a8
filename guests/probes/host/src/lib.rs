//! Probes the host interface.
