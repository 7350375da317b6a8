//! What may be granted, what is granted, and the one place that decides.

/// Capabilities that a component needs and the policy does not grant.
#[derive(Debug, thiserror::Error)]
#[error("missing grants")]
pub struct MissingGrants;
