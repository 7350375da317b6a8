//! A Worker as one file: exports without secrets, imports of exports made here or by the Python
//! Worker, and the JSON that clients load and save.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::Worker;
use super::error::{Result, WorkerError};
use super::event::Status;
use super::export::{ExportParts, export};
use super::external::{External, Identity};
use super::import::import;
use super::lifecycle::{check_uuid, default_name};
use super::secrets::Redacted;
use super::state::{StateInstance, WorkerState};
use super::store::Dirty;
use crate::{limits, text};

impl Worker {
    /// The Worker as one zip file, without secrets. `with_files`: what clients uploaded, too.
    ///
    /// # Errors
    /// When the files cannot be read or are too many.
    pub async fn export(&self, with_files: bool) -> Result<Vec<u8>> {
        let schemas = self.schemas();
        let config = Redacted::config(&self.exported_config(), &schemas);
        let state = Redacted::state(&self.state(), &schemas);
        let places = self.places().clone();
        blocking(move || {
            let files = with_files.then(|| places.open_files()).transpose()?;
            Ok(export(&ExportParts {
                config,
                state,
                files: files.as_ref(),
            })?)
        })
        .await
    }

    /// Takes an export in: its graph in the place of this one, its external workers beside those that
    /// are here. What is not available here becomes a placeholder that keeps its data.
    ///
    /// # Errors
    /// When it is no export. What is wrong with single nodes or external workers is reported.
    pub async fn import(&self, zip: Vec<u8>) -> Result<()> {
        let places = self.places().clone();
        let imported = blocking(move || {
            let mut imported = import(zip)?;
            if !imported.files().is_empty() {
                imported.write_files(&places.open_files()?)?;
            }
            Ok(imported)
        })
        .await?;
        self.load_state(imported.state).await
    }

    /// `load_data`: takes a saved state in.
    ///
    /// # Errors
    /// As [`Self::import`].
    pub async fn load(&self, state: Json) -> Result<()> {
        self.load_state(WorkerState::from_json(state)?).await
    }

    async fn load_state(&self, state: WorkerState) -> Result<()> {
        let all = state.external_workers.values().flatten();
        for instance in all {
            if let Err(error) = self.import_external(instance) {
                let name = instance.name.as_deref().unwrap_or(&instance.uuid);
                let name = text::clean_line(name, limits::MAX_NAME_BYTES);
                let line = format!("{name} is not imported: {}", error.public());
                self.tell(Status::Error, line);
            }
        }
        let before = self.nodespace().node_ids();
        let report = self.nodespace().load(&state.backend)?;
        for problem in &report.problems {
            self.tell(Status::Error, problem.as_str());
        }
        for (node, class) in &report.placeholders {
            tracing::info!("the node {node} is a placeholder until its class {class} is available");
        }
        self.mark_graph(before);
        let uuids: Vec<_> = self.externals().keys().cloned().collect();
        self.inner
            .store
            .dirty(uuids.into_iter().map(Dirty::Instance));
        self.changed("fullsync", json!({}));
        let modules: Vec<_> = {
            let catalogue = self.catalogue();
            catalogue
                .modules()
                .map(|module| module.name.clone())
                .collect()
        };
        for module in modules {
            self.start_waiting(&module).await;
        }
        self.externals_changed();
        Ok(())
    }

    /// It starts when the graph is loaded and its class is there.
    fn import_external(&self, instance: &StateInstance) -> Result<()> {
        let uuid = check_uuid(&instance.uuid)?;
        if self.externals().contains_key(&uuid) {
            // It is here already and goes on as it is: an import never takes over what runs.
            return Ok(());
        }
        let known = self
            .catalogue()
            .find_class(&instance.nodeclassid)
            .map(|(module, _, class)| (module.name.clone(), default_name(&class, &uuid)));
        let (module, default_name) = known.unwrap_or_else(|| {
            let class = text::clean_line(&instance.nodeclassid, limits::MAX_NAME_BYTES);
            (String::new(), class)
        });
        let name = instance
            .name
            .as_deref()
            .map(|name| text::clean_line(name, limits::MAX_NAME_BYTES));
        let identity = Identity {
            uuid,
            class_id: text::clean_line(&instance.nodeclassid, limits::MAX_NAME_BYTES),
            module,
        };
        let name = name.filter(|name| !name.is_empty()).unwrap_or(default_name);
        let external = External::waiting(identity, name, instance.config.clone());
        self.reserve(&Arc::new(external))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| WorkerError::Request(error.to_string()))?
}
