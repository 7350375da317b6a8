//! The numbers of grants, and of taking them away.

use std::time::Duration;

/// How long one that loses a grant may take, all in all, to save what it is and to stop.
pub const REVOKED_WITHIN: Duration = Duration::from_secs(10);
/// How often the policies of a tenant that has a process of its own are read, to start it again when they
/// have changed.
pub const POLICIES_ARE_READ_EVERY: Duration = Duration::from_secs(1);
