//! What people set of an instance and it says of itself: its name and its configuration.
//!
//! A guest may make something else of the configuration that it was given, such as when it rounds, and may change
//! it on its own. It says so, and what it said is in force: it is checked like a client's, and the guest pays
//! for what is kept of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value as Json};

use super::config::{Checked, ConfigSchema, Known};
use super::description::Class;
use crate::error::{HostError, Result};
use crate::limits::{self, Held};
use crate::text;

/// The name and the configuration of one instance.
pub struct Settings {
    /// None: it describes itself only.
    class: Option<Arc<Class>>,
    name: Mutex<Arc<str>>,
    config: Mutex<Configuration>,
}

/// What is in force, with its secrets and without.
#[derive(Default)]
struct Configuration {
    whole: Json,
    public: Json,
    /// How often the guest said what it is.
    said: u64,
    /// What the guest pays for it, if it said what it is.
    held: Option<Held>,
}

impl Settings {
    /// Those of an instance of `class`. The configuration is yet to be checked and completed.
    pub fn new(class: &Arc<Class>, name: &str, config: Json) -> Self {
        Self {
            class: Some(Arc::clone(class)),
            name: Mutex::new(clean(name)),
            config: Mutex::new(Configuration {
                whole: config,
                ..Configuration::default()
            }),
        }
    }

    /// Those of what only describes itself.
    pub fn none() -> Self {
        Self {
            class: None,
            name: Mutex::new("".into()),
            config: Mutex::default(),
        }
    }

    fn configuration(&self) -> MutexGuard<'_, Configuration> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name now.
    pub fn name(&self) -> Arc<str> {
        Arc::clone(&self.name.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives another name.
    pub fn rename(&self, name: &str) {
        *self.name.lock().unwrap_or_else(PoisonError::into_inner) = clean(name);
    }

    /// The configuration in force, with its secrets, or what refers to them.
    pub fn config(&self) -> Json {
        self.configuration().whole.clone()
    }

    /// The configuration as it may leave the host; null before it was checked.
    pub fn public_config(&self) -> Json {
        self.configuration().public.clone()
    }

    /// The configuration in force with `patch` put over it, checked and completed, with secrets that are `known` where it
    /// refers to them.
    ///
    /// # Errors
    /// Every problem and its place.
    pub fn checked(&self, patch: &Json, known: Known<'_>) -> Result<Checked> {
        self.class_config()?.checked(&self.config(), patch, known)
    }

    /// The configuration in force as the guest gets it.
    ///
    /// # Errors
    /// When it refers to a secret that is not known any more.
    pub fn given(&self, known: Known<'_>) -> Result<Checked> {
        self.checked(&Json::Object(Map::new()), known)
    }

    /// What the guest says that its configuration is, checked and completed, with references to secrets where it had them.
    ///
    /// # Errors
    /// Every problem and its place.
    pub fn said_to_be(&self, said: &Json, known: Known<'_>) -> Result<Checked> {
        self.class_config()?.said(&self.config(), said, known)
    }

    fn class_config(&self) -> Result<&ConfigSchema> {
        let describes = || HostError::Config("what describes itself has none".to_owned());
        let class = self.class.as_ref().ok_or_else(describes)?;
        Ok(&class.config)
    }

    /// Checks the configuration that there is, and puts in what is missing.
    ///
    /// # Errors
    /// Every problem and its place.
    pub fn complete(&self, known: Known<'_>) -> Result<()> {
        let checked = self.given(known)?;
        self.put(checked.into_kept(), None, |_| true);
        Ok(())
    }

    /// How often the guest said what the configuration is.
    pub fn said(&self) -> u64 {
        self.configuration().said
    }

    /// From now on `whole`, which the guest has taken, is in force, unless it said itself what is since it had said
    /// so `said` times.
    pub fn taken(&self, whole: Json, said: u64) {
        self.put(whole, None, |config| config.said == said);
    }

    /// From now on `whole` is in force, as the guest says, who pays `held` for it.
    pub fn say(&self, whole: Json, held: Held) {
        self.put(whole, Some(held), |config| {
            config.said = config.said.wrapping_add(1);
            true
        });
    }

    /// The instance has ended: what is kept of it is its Worker's from now on.
    pub fn end(&self) {
        self.configuration().held = None;
    }

    fn put(&self, whole: Json, held: Option<Held>, may: impl FnOnce(&mut Configuration) -> bool) {
        let public = self
            .class
            .as_ref()
            .map_or(Json::Null, |class| class.config.without_secrets(&whole));
        let mut config = self.configuration();
        if may(&mut config) {
            (config.whole, config.public, config.held) = (whole, public, held);
        }
    }
}

/// A name is a stranger's word: a client gave it.
fn clean(name: &str) -> Arc<str> {
    text::clean_line(name, limits::MAX_NAME_BYTES).into()
}
