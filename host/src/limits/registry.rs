//! Registries, and the logins for them.

use std::time::Duration;

use super::MIB;

/// Largest manifest that a registry may send.
pub const MAX_OCI_MANIFEST_BYTES: u64 = MIB;
/// Manifests that one index may list.
pub const MAX_OCI_MANIFESTS: usize = 256;
/// Indexes that lead to each other before one leads to a module.
pub const MAX_OCI_INDEX_DEPTH: usize = 3;
/// Layers of what is in a registry.
pub const MAX_OCI_LAYERS: usize = 64;
/// Characters of a tag in a registry.
pub const MAX_TAG_BYTES: usize = 128;
/// Redirects that are followed for one request to a registry.
pub const MAX_REDIRECTS: usize = 5;
/// Longest time for all of a module to come from a registry.
pub const OCI_PULL_TIMEOUT: Duration = Duration::from_secs(600);
/// Longest time to find out whether a registry takes a login.
pub const OCI_LOGIN_TIMEOUT: Duration = Duration::from_secs(120);
/// Times that a request is repeated because the registry wants it later.
pub const MAX_REGISTRY_RETRIES: usize = 3;
/// The longest that a registry is waited for when it says how long.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);
/// How long a registry on this machine may take to show whether it speaks TLS.
pub const TLS_PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest answer with a token.
pub const MAX_TOKEN_ANSWER_BYTES: u64 = 64 * 1024;
/// Largest file of logins.
pub const MAX_LOGINS_BYTES: u64 = MIB;
/// Longest password or token.
pub const MAX_PASSWORD_BYTES: u64 = 64 * 1024;
/// How long a credential helper may take: it may have to ask the user.
pub const HELPER_TIMEOUT: Duration = Duration::from_secs(60);
/// Most that a credential helper may say.
pub const MAX_HELPER_BYTES: u64 = 64 * 1024;
