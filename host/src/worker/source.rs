//! What the store asks when it writes: how everything is now.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::event::Status;
use super::store::{Document, SavedInstance, SavedPackage, Source, StoreError};
use super::{Inner, lock};
use crate::{limits, text};

pub(super) const UUID: &str = "uuid";
pub(super) const NAME: &str = "name";
/// What the flow that was imported last says that it needs.
pub(super) const FLOW_PACKAGES: &str = "package_dependencies";
const DEFAULT_NAME: &str = "worker";

/// Facts about the Worker itself that are kept.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) uuid: Uuid,
    pub(super) name: String,
}

impl Kept {
    /// What was kept, or what a new Worker begins with. `name` is another name, if wanted.
    pub(super) fn new(meta: &BTreeMap<String, Json>, name: Option<String>) -> Self {
        let kept = |key| meta.get(key).and_then(Json::as_str);
        let uuid = kept(UUID).and_then(|uuid| Uuid::try_parse(uuid).ok());
        let name = name.or_else(|| kept(NAME).map(str::to_owned));
        let name = name.map_or_else(
            || DEFAULT_NAME.to_owned(),
            |name| text::clean_line(&name, limits::MAX_NAME_BYTES),
        );
        Self {
            uuid: uuid.unwrap_or_else(Uuid::new_v4),
            name,
        }
    }
}

impl Source for Inner {
    fn node(&self, id: &str) -> Option<Json> {
        self.nodespace.save_node(id)
    }

    fn document(&self, document: Document) -> Option<Json> {
        match document {
            Document::Edges => Some(json!(self.nodespace.edges())),
            Document::Groups => Some(json!(self.nodespace.groups())),
            Document::Properties => Some(Json::Object(self.nodespace.properties())),
            // Where a node is drawn is a property of the node.
        }
    }

    fn instance(&self, uuid: &str) -> Option<SavedInstance> {
        let external = lock(&self.externals).get(uuid).cloned()?;
        Some(SavedInstance {
            uuid: uuid.to_owned(),
            class_id: external.class_id().to_owned(),
            module: external.module().to_owned(),
            name: Some(external.name()),
            config: external.config(),
            paused: external.begins_paused(),
        })
    }

    fn instance_state(&self, uuid: &str) -> Option<Vec<u8>> {
        lock(&self.externals).get(uuid)?.state()
    }

    fn package(&self, name: &str) -> Option<SavedPackage> {
        self.modules.active().get(name).cloned()
    }

    fn meta(&self, key: &str) -> Option<Json> {
        match key {
            UUID => Some(json!(self.kept.uuid.simple().to_string())),
            NAME => Some(json!(self.kept.name)),
            FLOW_PACKAGES => Some(Json::Object(self.modules.needed().clone())),
            _ => None,
        }
    }

    fn failed(&self, error: &StoreError) {
        tracing::error!("changes cannot be saved, and are tried again: {error}");
        let message = format!("changes cannot be saved: {}", error.public());
        self.tell(Status::Error, message);
    }

    fn recovered(&self) {
        tracing::info!("changes are saved again");
        self.tell(Status::Success, "changes are saved again");
    }
}
