//! Secrets of a tenant, on their way to where they are kept; nothing leads back.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// A secret of a tenant. There is no way to have its value back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecretState {
    /// Its name.
    pub name: String,
    /// Grows whenever a secret of the tenant changes.
    pub version: u64,
    /// When it was set.
    pub changed: u64,
}

/// The value of a secret, on its way to where it is kept. Its memory is wiped.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(pub Zeroizing<Vec<u8>>);

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(..)")
    }
}
