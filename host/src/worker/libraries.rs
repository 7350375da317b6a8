//! The node libraries of a Worker: one instance of each class that is one, for as long as a module has it.
//!
//! To everything that supervises instances a library is an external worker. To clients it is none: they see
//! its nodes, and nothing of it can be added, changed or removed. So it is kept apart from those that they
//! know, and its nodes are called after its class alone: a graph finds them again in every Worker.

use std::collections::BTreeMap;
use std::iter;
use std::sync::{Arc, MutexGuard};

use serde_json::json;
use uuid::Uuid;

use super::event::Status;
use super::external_worker::{ExternalWorker, Identity};
use super::{Worker, lock, shelf};
use crate::instance::description::Class;
use crate::limits;
use crate::nodespace::{NodesOnRemoval, Shelf};

/// A library of a module.
pub(super) struct Library {
    external: Arc<ExternalWorker>,
    /// The shelf that it is on, once it was.
    shelf: Option<String>,
}

impl Worker {
    fn libraries(&self) -> MutexGuard<'_, BTreeMap<String, Library>> {
        lock(&self.inner.libraries)
    }

    /// Whether a module has a library of this class id.
    pub(super) fn has_library(&self, class_id: &str) -> bool {
        self.libraries().contains_key(class_id)
    }

    /// How many there are.
    pub(super) fn library_count(&self) -> usize {
        self.libraries().len()
    }

    /// Whether a library has this uuid.
    pub(super) fn is_of_library(&self, uuid: &str) -> bool {
        let libraries = self.libraries();
        libraries.values().any(|it| it.external.uuid() == uuid)
    }

    /// The module of each library, by its class id.
    pub(super) fn library_modules(&self) -> BTreeMap<String, String> {
        let libraries = self.libraries();
        let modules = libraries.iter();
        modules
            .map(|(class, library)| (class.clone(), library.external.module().to_owned()))
            .collect()
    }

    /// Whatever has an instance, or may have one: external workers and libraries.
    pub(super) fn everything(&self) -> Vec<Arc<ExternalWorker>> {
        let mut all: Vec<_> = self.externals().values().cloned().collect();
        let libraries = self.libraries();
        all.extend(libraries.values().map(|it| Arc::clone(&it.external)));
        all
    }

    /// What of [`Self::everything`] comes from `module`.
    pub(super) fn everything_of(&self, module: &str) -> Vec<Arc<ExternalWorker>> {
        let mut all = self.everything();
        all.retain(|external| external.module() == module);
        all
    }

    /// Makes a library of each class of `module` that is one, and drops those that it has no more. One of which
    /// nothing may be had for now stays, and says why. Whoever calls this starts what is new.
    pub(super) fn settle_libraries(&self, module: &str) {
        let classes: Vec<Arc<Class>> = {
            let catalogue = self.catalogue();
            match catalogue.get(module) {
                Some(found) if found.components.is_empty() => return,
                found => {
                    let classes = found.into_iter().flat_map(|it| it.classes());
                    let classes = classes.filter(|(_, class)| class.declared.is_library);
                    classes.map(|(_, class)| Arc::clone(class)).collect()
                }
            }
        };
        let has = |id: &str| classes.iter().any(|class| class.id() == id);
        let mut full = None;
        let externals = self.externals().len();
        let gone: Vec<Library> = {
            let mut libraries = self.libraries();
            let gone =
                libraries.extract_if(.., |id, it| it.external.module() == module && !has(id));
            let gone = gone.map(|(_, library)| library).collect();
            for class in &classes {
                let is_new = !libraries.contains_key(class.id());
                if !is_new {
                    continue;
                }
                match self.has_room_for_library(externals, libraries.len()) {
                    Ok(()) => {
                        libraries.insert(class.id().to_owned(), Library::new(class, module));
                    }
                    Err(why) => full = Some(why),
                }
            }
            gone
        };
        if let Some(why) = full {
            let line = format!("the module `{module}` has a node library too many: {why}");
            self.notice(Status::Error, line);
        }
        for library in gone {
            self.drop_library(&library);
        }
    }

    /// Whether there may be one more library beside so many others.
    fn has_room_for_library(&self, externals: usize, libraries: usize) -> Result<(), String> {
        let most = limits::MAX_LIBRARIES;
        if libraries >= most {
            return Err(format!("there may be {most} in all"));
        }
        let there = externals.saturating_add(libraries);
        let admitted = self.noted(self.inner.quotas.check_instances(there));
        admitted.map_err(|over| over.to_string())
    }

    /// Its nodes wait until the class is there again.
    fn drop_library(&self, library: &Library) {
        let instance = library.external.remove();
        if let Some(shelf) = &library.shelf {
            self.take_shelf_down(shelf);
        }
        if let Some(instance) = instance {
            tokio::spawn(async move { instance.stop().await });
        }
    }

    fn take_shelf_down(&self, shelf: &str) {
        let is_taken = |it: &Library| it.shelf.as_deref() == Some(shelf);
        if self.libraries().values().any(is_taken) {
            return;
        }
        let keep = NodesOnRemoval::KeepAsPlaceholders;
        // Somebody may have been faster.
        let _ = self.nodespace().remove_shelf(&[shelf], keep);
        self.changed("lib_update", json!({}));
    }

    /// Puts the shelf of a library where everybody looks for nodes: at the top, by the title of its class.
    pub(super) fn put_library_shelf(
        &self,
        external: &Arc<ExternalWorker>,
        class: &Class,
        shelf: Shelf,
    ) -> Result<(), String> {
        let Some((name, before)) = self.name_shelf(external, &class.declared.title) else {
            // It is gone.
            return Ok(());
        };
        let put = self.nodespace().put_shelf(&[&name], shelf);
        if let Some(before) = before {
            self.take_shelf_down(&before);
        }
        if !self.is_kept(external) {
            // It went meanwhile, and whoever dropped it may have looked before.
            self.take_shelf_down(&name);
        }
        put.map_err(|error| error.to_string())
    }

    /// The name of the shelf of a library, which no other has; and the one that it had before, if that was
    /// another. `None`: there is no such library any more.
    fn name_shelf(
        &self,
        external: &Arc<ExternalWorker>,
        title: &str,
    ) -> Option<(String, Option<String>)> {
        let mut libraries = self.libraries();
        let id = external.class_id();
        let is_free = |name: &String| {
            let mut others = libraries.iter().filter(|(other, _)| *other != id);
            !name.is_empty()
                && name != shelf::EXTERNAL_SHELF
                && !others.any(|(_, other)| other.shelf.as_ref() == Some(name))
        };
        let wanted = iter::once(title.to_owned());
        let others = (1u32..).map(|n| match n {
            1 => format!("{title} ({id})"),
            n => format!("{title} ({id}, {n})"),
        });
        let name = wanted.chain(others).find(is_free)?;
        let library = libraries.get_mut(id)?;
        if !Arc::ptr_eq(&library.external, external) {
            return None;
        }
        let before = library.shelf.replace(name.clone());
        Some((name.clone(), before.filter(|before| *before != name)))
    }

    fn is_kept(&self, external: &Arc<ExternalWorker>) -> bool {
        let libraries = self.libraries();
        let kept = libraries.get(external.class_id());
        kept.is_some_and(|it| Arc::ptr_eq(&it.external, external))
    }
}

impl Library {
    fn new(class: &Class, module: &str) -> Self {
        // Nothing of it is saved, so it may be another one each time.
        let identity = Identity {
            uuid: Uuid::new_v4().simple().to_string(),
            class_id: class.id().to_owned(),
            module: module.to_owned(),
        };
        let title = class.declared.title.clone();
        Self {
            external: Arc::new(ExternalWorker::library(identity, title)),
            shelf: None,
        }
    }
}
