//! What the capabilities' own tests share.

use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use wasmtime::component::Linker;
use wasmtime::{Config, Engine};

use super::data::Folder;
use super::grants::Grants;
use super::{Capabilities, CapabilityView, Guard, LineSink, Prepare, Secrets, Stdio};
use crate::engine::{Opener, Resolver, Trust};
use crate::limits::{Budget, Ledger};
use crate::policy::{Audit, Capability, Denial, DenyReason, Granted, Policy};

/// Keeps the lines that a guest prints.
#[derive(Default)]
pub(crate) struct Lines(Mutex<Vec<(Stdio, String)>>);

impl Lines {
    pub(crate) fn take(&self) -> Vec<(Stdio, String)> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl LineSink for Lines {
    fn line(&self, stream: Stdio, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push((stream, line.to_owned()));
    }
}

/// Keeps the denials.
#[derive(Debug, Default)]
pub(crate) struct Denials(Mutex<Vec<Denial>>);

impl Denials {
    pub(crate) fn reasons(&self) -> Vec<DenyReason> {
        let denials = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        denials.iter().map(|denial| denial.reason).collect()
    }
}

impl Audit for Denials {
    fn denied(&self, denial: &Denial) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(denial.clone());
    }
}

/// The surroundings of an instance that nobody looks at.
pub(crate) fn prepare() -> Prepare {
    prepare_with(&Budget::default(), Arc::new(Denials::default()))
}

/// The surroundings of an instance with this budget and audit.
pub(crate) fn prepare_with(budget: &Budget, audit: Arc<Denials>) -> Prepare {
    Prepare {
        instance: Uuid::from_u128(1),
        grants: Arc::default(),
        ledger: Ledger::new(budget),
        audit,
        stdio: Arc::new(Lines::default()),
        resolver: Resolver::default(),
        trust: Trust::default(),
        opener: Opener::default(),
        stand_ins: None,
        folder: Folder::temporary(),
        secrets: Secrets::default(),
    }
}

/// Everything that a policy grants.
pub(crate) fn granted(policy: &str) -> Arc<Granted> {
    Arc::new(
        Policy::parse(policy, "test")
            .unwrap()
            .granted(Capability::ALL),
    )
}

/// The guard of who may do what is `granted`, in these surroundings.
pub(crate) fn guard(granted: Arc<Granted>, cx: &Prepare) -> Guard {
    Guard::new(&Prepare {
        grants: Grants::new(granted),
        ..cx.clone()
    })
}

/// The data of a store with nothing but capabilities.
pub(crate) struct Data(pub(crate) Capabilities);

impl CapabilityView for Data {
    fn capabilities(&mut self) -> &mut Capabilities {
        &mut self.0
    }
}

/// An empty linker.
pub(crate) fn linker() -> Linker<Data> {
    let mut config = Config::new();
    config.wasm_component_model_async(true);
    Linker::new(&Engine::new(&config).unwrap())
}
