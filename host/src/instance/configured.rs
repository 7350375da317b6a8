//! The configuration of an instance on its way to the guest, with the secrets that its policy grants, and back.

use external_worker_secrets::{Secret, SecretName};
use serde_json::Value as Json;

use super::config::{Checked, refers};
use super::store_data::Lasting;
use crate::audit::Kind;
use crate::error::Result;

impl Lasting {
    /// Checks the configuration that there is, and puts in what is missing.
    ///
    /// # Errors
    /// Every problem and its place.
    pub fn complete_config(&self) -> Result<()> {
        self.settings.complete(&|name| self.config_secret(name))
    }

    /// The configuration in force, as the guest gets it.
    ///
    /// # Errors
    /// When it refers to a secret that is not there, or not granted, any more.
    pub fn given_config(&self) -> Result<String> {
        let config = self.settings.config();
        if !refers(&config) {
            // It was checked when it came into force.
            return Ok(config.to_string());
        }
        let checked = self.settings.given(&|name| self.config_secret(name))?;
        Ok(self.give(&checked))
    }

    /// The configuration with `patch` over it, and as the guest gets it.
    ///
    /// # Errors
    /// Every problem and its place.
    pub fn changed_config(&self, patch: &Json) -> Result<(Checked, String)> {
        let known = |name: &SecretName| self.config_secret(name);
        let checked = self.settings.checked(patch, &known)?;
        let given = self.give(&checked);
        Ok((checked, given))
    }

    /// The configuration as the guest says that it is, as it is kept.
    ///
    /// # Errors
    /// Every problem and its place.
    pub fn said_config(&self, said: &Json) -> Result<Json> {
        let known = |name: &SecretName| self.config_secret(name);
        self.settings
            .said_to_be(said, &known)
            .map(Checked::into_kept)
    }

    fn give(&self, checked: &Checked) -> String {
        for name in &checked.secrets {
            let what = format_args!("`{name}`, in its configuration");
            let note = |record: crate::audit::Record| record.what(what);
            self.auditor.note_often(Kind::SecretRead, note);
        }
        checked.given().to_string()
    }

    /// A secret, if it is granted for configurations.
    fn config_secret(&self, name: &SecretName) -> Option<Secret> {
        let granted = self.grants.now();
        let gives = granted
            .config
            .as_ref()
            .is_some_and(|config| config.gives(name));
        gives
            .then(|| self.secrets.now().get(name).cloned())
            .flatten()
    }
}
