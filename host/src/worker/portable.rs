//! A Worker as one file: exports without secrets, imports of exports made here or by the Python
//! Worker, and the JSON that clients load and save.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value as Json, json};

use super::Worker;
use super::error::{Result, WorkerError};
use super::event::Status;
use super::export::{ExportParts, OwnFolders, export};
use super::external_worker::{ExternalWorker, Identity};
use super::folders::{Arriving, Size};
use super::import::{ImportProblem, Imported, import};
use super::lifecycle::{check_uuid, default_name};
use super::origin::Origin;
use super::report::{MissingClasses, Of, Report};
use super::saved_state::{Reading, SavedExternalWorker, SavedState};
use super::source;
use super::store::Dirty;
use crate::archive::ArchiveProblem;
use crate::{limits, text};

impl Worker {
    /// The Worker as one zip file, without secrets. `with_files`: what clients uploaded, and what external
    /// workers have in folders of their own, too.
    ///
    /// # Errors
    /// When the files cannot be read or are too many.
    pub async fn export(&self, with_files: bool) -> Result<Vec<u8>> {
        self.classes_are_known(None).await;
        let config = self.shared_config();
        let state = self.shared_state();
        let data_dir = self.data_dir().clone();
        let uuids: Vec<_> = self.externals().keys().cloned().collect();
        let (zip, left_out) = blocking(move || {
            let files = with_files.then(|| data_dir.open_files()).transpose()?;
            let folders = with_files.then(|| data_dir.open_folders()).transpose()?;
            let left_out = RefCell::default();
            let zip = export(&ExportParts {
                config,
                state,
                files: files.as_ref(),
                folders: folders.as_ref().map(|root| OwnFolders {
                    root,
                    uuids,
                    left_out: &left_out,
                }),
            })?;
            Ok((zip, left_out.into_inner()))
        })
        .await?;
        if let [first, others @ ..] = &*left_out.lines {
            let line = match others.len().saturating_add(left_out.more) {
                0 => format!("not in the export: {first}"),
                more => format!("not in the export: {first}, and {more} more of the kind"),
            };
            tracing::warn!("{line}");
            self.tell(Status::Error, line);
        }
        Ok(zip)
    }

    /// Takes an export in: its graph in the place of this one, its external workers beside those that
    /// are here. What is not available here becomes a placeholder that keeps its data.
    ///
    /// # Errors
    /// When it is not an export, too much, or there is no room for its files: then nothing of it stays. What
    /// else is wrong is in the report.
    pub async fn import(&self, zip: Vec<u8>) -> Result<Report> {
        let mut imported = blocking(move || Ok(import(zip)?)).await?;
        if imported.has_folders() {
            // What they may have is said by the policies of their modules.
            self.loaded().await;
        }
        let mut batch = self.files().batch();
        let worker = self.clone();
        let (imported, placed, arriving) = blocking(move || {
            let wanted = worker.wanted_folders(&mut imported);
            let arriving = worker.arriving_folders(&mut imported, &wanted)?;
            imported.unpack(&mut batch)?;
            let placed = batch.place().map_err(ImportProblem::from)?;
            Ok((imported, placed, arriving))
        })
        .await?;
        let read = Reading {
            state: imported.state,
            left_out: imported.left_out,
        };
        let config = Some(&imported.config);
        let loaded = self.load_state(read, config, arriving.as_ref()).await;
        blocking(move || {
            drop(arriving);
            let report = loaded?;
            placed.keep();
            Ok(report)
        })
        .await
    }

    /// `load_data` and `update`: takes a saved state in, with the configuration of the Worker that it is
    /// from, if that is there.
    ///
    /// # Errors
    /// As [`Self::import`].
    pub async fn load(&self, state: Json, config: Option<Json>) -> Result<Report> {
        self.load_state(SavedState::read(state)?, config.as_ref(), None)
            .await
    }

    /// The external workers whose folders come along: they are not here yet, and may have one that is as
    /// large. What is left out for another reason is noted.
    fn wanted_folders(&self, imported: &mut Imported) -> BTreeSet<String> {
        let mut wanted = BTreeSet::new();
        for instance in imported.state.external_workers.values().flatten() {
            let Ok(uuid) = check_uuid(&instance.uuid) else {
                continue;
            };
            let Some(size) = imported.folder_size(&uuid) else {
                continue;
            };
            if self.externals().contains_key(&uuid) {
                continue;
            }
            match self.has_room_for(&instance.nodeclassid, size) {
                Ok(()) => {
                    wanted.insert(uuid);
                }
                Err(why) => {
                    let name = instance.name.as_deref().unwrap_or(&instance.uuid);
                    let name = text::clean_line(name, limits::MAX_NAME_BYTES);
                    let line = format!("the folder of the external worker `{name}`: {why}");
                    imported.left_out.push(line);
                }
            }
        }
        wanted
    }

    /// Whether an external worker of `class` may have a folder of that size.
    fn has_room_for(&self, class: &str, size: Size) -> std::result::Result<(), &'static str> {
        let found = self
            .catalogue()
            .find_class(class)
            .map(|(_, prepared, _)| prepared);
        let prepared = found.ok_or("its class is not here; add its module, then import again")?;
        match &prepared.granted().data {
            None => Err("the policy of its module does not grant `data`"),
            Some(grant) if !size.fits(grant) => Err("it is more than the quota of `data`"),
            Some(_) => Ok(()),
        }
    }

    fn arriving_folders(
        &self,
        imported: &mut Imported,
        wanted: &BTreeSet<String>,
    ) -> Result<Option<Arriving>> {
        if wanted.is_empty() {
            return Ok(None);
        }
        let arriving = self.inner.folders.arriving();
        let arriving =
            arriving.map_err(|error| ImportProblem::from(ArchiveProblem::Write(error)))?;
        for uuid in wanted {
            imported.unpack_folder(uuid, &arriving)?;
        }
        Ok(Some(arriving))
    }

    async fn load_state(
        &self,
        read: Reading,
        config: Option<&Json>,
        arriving: Option<&Arriving>,
    ) -> Result<Report> {
        let Reading { state, left_out } = read;
        let origin = config.map(Origin::of).unwrap_or_default();
        // Nothing of a save that is too much is taken.
        let before = self.nodespace().node_ids();
        let worker = self.clone();
        // Where nobody is served: it may take a while.
        let (loaded, state) = blocking(move || {
            let loaded = worker.nodespace().load(&state.backend)?;
            Ok((loaded, state))
        })
        .await?;
        let mut report = Report {
            nodes: loaded.nodes,
            edges: loaded.edges,
            left_out,
            ..Report::default()
        };
        report.left_out.append(loaded.left_out);
        for instance in state.external_workers.values().flatten() {
            match self.import_external(instance, arriving) {
                Ok(()) => report.external_workers += 1,
                Err(error) => {
                    let name = instance.name.as_deref().unwrap_or(&instance.uuid);
                    let name = text::clean_line(name, limits::MAX_NAME_BYTES);
                    let line = format!("the external worker `{name}`: {}", error.public());
                    report.left_out.push(line);
                }
            }
        }
        if config.is_some() {
            self.inner.modules.needed().clone_from(&origin.packages);
            let packages = Dirty::Meta(source::FLOW_PACKAGES.to_owned());
            self.inner.store.dirty([packages]);
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
            join_all(self.start_waiting(&module)).await;
        }
        self.externals_changed();
        self.missing(&state, &origin).into_report(&mut report);
        for line in report.sentences() {
            tracing::warn!("the flow that was loaded: {line}");
            self.tell(Status::Error, line);
        }
        // Of many lines people see the last one.
        if let Some(line) = report.summary() {
            self.tell(Status::Error, line);
        }
        Ok(report)
    }

    /// Classes that are not here, now that everything has started that can.
    fn missing(&self, state: &SavedState, origin: &Origin) -> MissingClasses {
        let mut missing = MissingClasses::default();
        let mut classes = BTreeMap::new();
        for instance in state.external_workers.values().flatten() {
            let Ok(uuid) = check_uuid(&instance.uuid) else {
                continue;
            };
            let class = text::clean_line(&instance.nodeclassid, limits::MAX_NAME_BYTES);
            if self.catalogue().find_class(&class).is_none() {
                missing.note(&class, Of::ExternalWorker, origin.module_of(&class), 0);
            }
            classes.insert(uuid, class);
        }
        for (_, class_id) in self.nodespace().placeholders() {
            let mut parts = class_id.split('.').skip(1);
            let class = parts.find_map(|part| classes.get(check_uuid(part).ok()?.as_str()));
            let here = class_id.split_once('.').map(|(class, _node)| class);
            let here = here.filter(|class| self.has_library(class));
            match (class, here, origin.library_of(&class_id)) {
                (Some(class), ..) => {
                    missing.note(class, Of::ExternalWorker, origin.module_of(class), 1);
                }
                (None, Some(class), _) => missing.note(class, Of::OtherLibrary, None, 1),
                (None, None, Some((class, module))) => {
                    missing.note(class, Of::Library, Some(module), 1);
                }
                (None, None, None) => {
                    let class = text::clean_line(&class_id, limits::MAX_NAME_BYTES);
                    missing.note(&class, Of::Elsewhere, None, 1);
                }
            }
        }
        missing
    }

    /// It starts when the graph is loaded and its class is there.
    fn import_external(
        &self,
        instance: &SavedExternalWorker,
        arriving: Option<&Arriving>,
    ) -> Result<()> {
        let uuid = check_uuid(&instance.uuid)?;
        if self.externals().contains_key(&uuid) {
            // It is here already and goes on as it is: an import never takes over what runs.
            return Ok(());
        }
        let known = match self.catalogue().find_class(&instance.nodeclassid) {
            Some((_, _, class)) if class.declared.is_library => {
                return Err(WorkerError::IsLibrary(class.id().to_owned()));
            }
            Some((module, _, class)) => Some((module.name.clone(), default_name(&class, &uuid))),
            None => None,
        };
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
        let folder = self.inner.folders.of(&identity.uuid);
        let external = ExternalWorker::waiting(identity, name, instance.config.clone());
        let external = Arc::new(external.in_folder(folder).audited_by(&self.inner.auditor));
        self.reserve_new(&external, arriving)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| WorkerError::Request(error.to_string()))?
}
