//! Programs: what an author wrote in a language that is interpreted. A [`Program`] is the files of one; its
//! runtime, one component for all of them, is compiled once for an engine. Together they are a
//! [`LoadedComponent`] like any other: what the program requests is checked against the policy before it
//! runs, and its hash is that of both.
//!
//! The runtime imports all that the world names, whatever its program does. So everything is linked for it, and
//! each use is decided.

mod header;
mod source;
mod wheel;

use std::path::Path;
use std::sync::Arc;

use tokio::sync::OnceCell;
use wasmtime::component::Linker;

use super::intake::Asked;
use super::{LoadedComponent, blocking, unusable};
use crate::engine::{Engine, Runtime};
use crate::error::{HostError, Result};
use crate::instance::store_data::StoreData;
use crate::limits::Budget;
use crate::policy::{Capability, Granted};

pub(super) use source::Program;
pub use source::{dependencies, is_code, is_program, is_script, stem};

/// The interface by which a runtime reads its program.
const INTERFACE: &str = "funcnodes:external-worker/program@0.2.0";

impl LoadedComponent {
    /// A program on its runtime, which is compiled in this process.
    ///
    /// # Errors
    /// Those of [`Self::from_file`]; one of them is that its runtime is not there.
    pub(super) fn from_program(engine: &Engine, program: Program) -> Result<Self> {
        let runtime = match engine.python().get() {
            Some(runtime) => Arc::clone(runtime),
            None => {
                let file = runtime_file(engine, &program)?;
                let made = Arc::new(Self::from_file(engine, file)?.into_runtime());
                // Another may have been faster.
                let _ = engine.python().set(Arc::clone(&made));
                made
            }
        };
        Ok(Self::running(engine, &runtime, program))
    }

    /// Takes in a program that comes from anybody. Its runtime is compiled where components are.
    ///
    /// # Errors
    /// Those of [`Self::from_program`].
    pub(super) async fn take_in_program(
        engine: &Engine,
        path: &Path,
        budget: &Budget,
    ) -> Result<Self> {
        let path = path.to_owned();
        let program = blocking(move || Program::read(&path)).await?;
        let make = async || {
            let file = runtime_file(engine, &program)?;
            let runtime = Box::pin(Self::take_in(engine, file, budget)).await?;
            Ok::<_, HostError>(Arc::new(runtime.into_runtime()))
        };
        let runtime = Arc::clone(engine.python().get_or_try_init(make).await?);
        Ok(Self::running(engine, &runtime, program))
    }

    fn into_runtime(self) -> Runtime {
        Runtime {
            compiled: self.compiled,
            home: self.home,
            hash: self.hash,
            running: self.running,
        }
    }

    fn running(engine: &Engine, runtime: &Runtime, program: Program) -> Self {
        Self {
            name: program.name().to_owned(),
            hash: program.hash_on(&runtime.hash),
            content: program.content(),
            size: program.size(),
            compiled: runtime.compiled.clone(),
            home: runtime.home,
            manifest: program.manifest().clone(),
            // Those of the runtime are not the author's.
            imports: Vec::new(),
            engine: engine.clone(),
            running: runtime.running,
            classes: OnceCell::new(),
            asked: Asked::here(),
            program: Some(Arc::new(program)),
        }
    }
}

fn runtime_file<'a>(engine: &'a Engine, program: &Program) -> Result<&'a Path> {
    let file = engine.python_file().filter(|file| file.is_file());
    file.ok_or_else(|| {
        let problem = "the runtime of Python is not there";
        unusable(program.name(), problem, "Type `ewh python prepare`")
    })
}

/// Gives a runtime its program, which may use what is `granted`.
pub(super) fn link(
    linker: &mut Linker<StoreData>,
    program: &Arc<Program>,
    granted: Option<&Granted>,
) -> wasmtime::Result<()> {
    let granted: Vec<_> = Capability::ALL
        .into_iter()
        .filter(|capability| granted.is_some_and(|granted| granted.grants(*capability)))
        .map(|capability| capability.name().to_owned())
        .collect();
    let mut interface = linker.instance(INTERFACE)?;
    let files = Arc::clone(program);
    interface.func_wrap("files", move |_, ()| Ok((files.files().to_vec(),)))?;
    let entry = program.entry().to_owned();
    interface.func_wrap("entry", move |_, ()| Ok((entry.clone(),)))?;
    interface.func_wrap("granted", move |_, ()| Ok((granted.clone(),)))
}
