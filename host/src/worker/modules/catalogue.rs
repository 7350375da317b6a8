//! The modules of a Worker and the classes in them: what can be instantiated, and what is wrong with
//! the rest. One broken module never hides another.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::component::PreparedComponent;
use crate::instance::description::Class;
use crate::policy::Missing;
use crate::worker::error::{Result, WorkerError};
use crate::worker::external_worker::ExternalWorker;

/// A component file or a package, ready or broken.
#[derive(Clone)]
pub struct Module {
    /// Its name: unique in the Worker.
    pub name: String,
    /// Its components, as they were last found good.
    pub components: Vec<Arc<PreparedComponent>>,
    /// What is wrong with what is there now, for a client.
    pub problem: Option<String>,
    /// What it lacks, if that is what is wrong.
    pub missing: Vec<Missing>,
}

impl Module {
    /// Its classes, with the component of each.
    pub fn classes(&self) -> impl Iterator<Item = (&Arc<PreparedComponent>, &Arc<Class>)> {
        self.components.iter().flat_map(|component| {
            component
                .classes()
                .iter()
                .map(move |class| (component, class))
        })
    }
}

/// All modules.
#[derive(Default)]
pub struct Catalogue {
    modules: BTreeMap<String, Module>,
}

impl Catalogue {
    /// All modules by name.
    pub fn modules(&self) -> impl Iterator<Item = &Module> {
        self.modules.values()
    }

    /// The module `name`.
    pub fn get(&self, name: &str) -> Option<&Module> {
        self.modules.get(name)
    }

    /// The class `class` of `module`.
    ///
    /// # Errors
    /// [`WorkerError::NoClass`].
    pub fn class(&self, module: &str, class: &str) -> Result<(Arc<PreparedComponent>, Arc<Class>)> {
        let found = self.modules.get(module);
        let has_it = found.into_iter().flat_map(Module::classes);
        let mut has_it = has_it.filter(|(_, known)| known.id() == class);
        if let Some((component, class)) = has_it.next() {
            return Ok((Arc::clone(component), Arc::clone(class)));
        }
        let problem = found.and_then(|module| module.problem.as_ref());
        Err(WorkerError::NoClass {
            class: class.to_owned(),
            module: module.to_owned(),
            why: problem.map_or_else(String::new, |problem| format!(": {problem}")),
        })
    }

    /// The class of `external`, if it still is what `external` is: a library, or not.
    ///
    /// # Errors
    /// [`WorkerError::NoClass`].
    pub fn class_of(
        &self,
        external: &ExternalWorker,
    ) -> Result<(Arc<PreparedComponent>, Arc<Class>)> {
        let (component, class) = self.class(external.module(), external.class_id())?;
        match class.declared.is_library == external.is_library() {
            true => Ok((component, class)),
            false => Err(WorkerError::IsLibrary(class.id().to_owned())),
        }
    }

    /// The class `id`, wherever it is.
    pub(crate) fn find_class(
        &self,
        id: &str,
    ) -> Option<(&Module, Arc<PreparedComponent>, Arc<Class>)> {
        self.modules.values().find_map(|module| {
            let (component, class) = module.classes().find(|(_, class)| class.id() == id)?;
            Some((module, Arc::clone(component), Arc::clone(class)))
        })
    }

    /// Whether `components` may be those of `name`: class ids are unique in a Worker.
    ///
    /// # Errors
    /// The sentence that says which class is whose.
    pub fn check(&self, name: &str, components: &[Arc<PreparedComponent>]) -> Result<(), String> {
        let mut own = std::collections::BTreeSet::new();
        for class in components.iter().flat_map(|component| component.classes()) {
            if !own.insert(class.id()) {
                return Err(format!(
                    "two of its components have a class `{}`",
                    class.id()
                ));
            }
            if let Some((other, ..)) = self.find_class(class.id())
                && other.name != name
            {
                let (id, other) = (class.id(), &other.name);
                return Err(format!(
                    "its class `{id}` is also one of the module `{other}`; give it another class id"
                ));
            }
        }
        Ok(())
    }

    /// Puts a good module in, in the place of the one of that name.
    pub fn put(&mut self, module: Module) {
        self.modules.insert(module.name.clone(), module);
    }

    /// Notes what is wrong with `name` now; what was good of it stays.
    pub fn broken(&mut self, name: &str, problem: String, missing: Vec<Missing>) {
        let module = self
            .modules
            .entry(name.to_owned())
            .or_insert_with(|| Module {
                name: name.to_owned(),
                components: Vec::new(),
                problem: None,
                missing: Vec::new(),
            });
        (module.problem, module.missing) = (Some(problem), missing);
    }

    /// Notes why nothing of `name` may be had any more, not even what was good of it.
    pub fn revoke(&mut self, name: &str, problem: String, missing: Vec<Missing>) {
        self.put(Module {
            name: name.to_owned(),
            components: Vec::new(),
            problem: Some(problem),
            missing,
        });
    }

    /// Takes `name` out.
    pub fn remove(&mut self, name: &str) -> Option<Module> {
        self.modules.remove(name)
    }
}
