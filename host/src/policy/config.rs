//! What a policy lets configurations have.

use external_worker_secrets::SecretName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::MAX_GRANTED_SECRETS;

/// What the configuration of a worker may have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConfigGrant {
    /// Secrets of the tenant, by name: where a field that the schema marks as secret is {"$secret": "NAME"}, the worker
    /// gets the secret, and what is kept and shown stays {"$secret": "NAME"}. The worker has it then: where it only sends
    /// it in requests, `secrets` of [[http]] keep it from the worker, too.
    pub secrets: Vec<String>,
}

impl ConfigGrant {
    /// Whether the secret of this name may be given.
    pub fn gives(&self, name: &SecretName) -> bool {
        self.secrets.iter().any(|own| own == name.as_str())
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.secrets.len() > MAX_GRANTED_SECRETS {
            let count = self.secrets.len();
            return Err(format!(
                "[config] names {count} secrets; at most {MAX_GRANTED_SECRETS} fit"
            ));
        }
        for name in &self.secrets {
            let named = name.parse::<SecretName>();
            named.map_err(|problem| format!("[config]: {problem}"))?;
        }
        Ok(())
    }
}
