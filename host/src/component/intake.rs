//! How a component comes in that may be anybody's: from the cache where it is known, or else through a process
//! that compiles it, and asks it what it is once the policy covers it.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::{Mutex, OnceCell};
use wasmtime::component::Component;

use super::{
    Instances, LoadedComponent, apart, blocking, check_world, imports, is_program, not_compiled,
    read_file, unusable,
};
use crate::bindings::types::WorkerClass;
use crate::engine::{Apart, Engine, Home, Job, Lane, Subject};
use crate::error::{HostError, Result};
use crate::limits::{self, Budget};
use crate::policy::Manifest;
use crate::text;
use crate::wasm;

/// Who knows what a component says of itself.
pub(super) struct Asked(Mutex<Who>);

enum Who {
    /// It itself, here.
    Here,
    /// It was asked before.
    Known(Said),
    /// It itself, in a process of its own.
    There(Box<There>),
    /// Nobody: it was asked in vain, because of this.
    InVain(String),
}

/// What a component said of itself.
struct Said {
    classes: Vec<WorkerClass>,
    /// As it came, if it is not in the cache.
    new: Option<Vec<u8>>,
}

struct There {
    apart: Apart,
    subject: Subject,
    /// The process that compiled it, which waits to be told to go on; `None`: its code was in the cache.
    begun: Option<Job>,
}

impl Asked {
    /// It is asked here, when it is.
    pub(super) fn here() -> Self {
        Who::Here.into()
    }
}

impl From<Who> for Asked {
    fn from(who: Who) -> Self {
        Self(Mutex::new(who))
    }
}

/// A component that was read, and not compiled yet.
pub(super) struct Unbuilt {
    name: String,
    wasm: Arc<[u8]>,
    hash: blake3::Hash,
    instances: Instances,
    manifest: Manifest,
}

impl Unbuilt {
    pub(super) fn read(name: &str, wasm: Arc<[u8]>) -> Result<Self> {
        let name = text::clean_line(name, limits::MAX_NAME_BYTES);
        wasm::check_header(&wasm).map_err(|not| unusable(&name, not.problem, not.fix))?;
        let instances = super::instances::count(&wasm).ok_or_else(|| {
            let problem = "its parts instantiate each other too often";
            unusable(&name, problem, "Compose it of fewer parts")
        })?;
        let manifest = Manifest::read(&wasm).map_err(|problem| {
            unusable(&name, problem, "Build it again, or take an intact copy")
        })?;
        Ok(Self {
            name,
            hash: blake3::hash(&wasm),
            wasm,
            instances,
            manifest,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn wasm(&self) -> &[u8] {
        &self.wasm
    }

    pub(super) fn build(
        self,
        engine: &Engine,
        (compiled, home): (Component, Home),
        asked: Asked,
    ) -> Result<LoadedComponent> {
        check_world(engine, &self.name, &compiled)?;
        Ok(LoadedComponent {
            size: self.wasm.len() as u64,
            hash: self.hash,
            content: self.hash,
            imports: imports(engine, &compiled),
            name: self.name,
            compiled,
            home,
            manifest: self.manifest,
            engine: engine.clone(),
            running: self.instances.running,
            classes: OnceCell::new(),
            asked,
            program: None,
        })
    }

    fn subject(&self) -> Subject {
        Subject {
            name: self.name.clone(),
            wasm: Arc::clone(&self.wasm),
        }
    }

    fn built_by(
        self,
        engine: &Engine,
        job: Job,
        code: &[u8],
        apart: Apart,
    ) -> Result<LoadedComponent> {
        let built = engine.adopt(&self.wasm, code);
        let built = built.map_err(|error| not_compiled(&self.name, &error))?;
        let there = There {
            apart,
            subject: self.subject(),
            begun: Some(job),
        };
        self.build(engine, built, Who::There(Box::new(there)).into())
    }

    /// With its code from the cache; it itself where that has none.
    fn or_known(self, engine: &Engine, apart: Apart) -> Result<Result<LoadedComponent, Self>> {
        let Some(built) = engine.known(&self.wasm) else {
            return Ok(Err(self));
        };
        let said = engine.known_description(&self.hash);
        let who = match said.and_then(|said| apart::decode(&said).ok()) {
            Some(classes) => Who::Known(Said { classes, new: None }),
            None => Who::There(Box::new(There {
                apart,
                subject: self.subject(),
                begun: None,
            })),
        };
        self.build(engine, built, who.into()).map(Ok)
    }
}

impl LoadedComponent {
    /// Takes in a component that comes from anybody: where the engine's options say so, it is compiled, and
    /// describes itself within `budget` when it is prepared, in a process of its own.
    ///
    /// # Errors
    /// Those of [`Self::from_file`]; one of them is that it takes too much to compile.
    pub async fn take_in(engine: &Engine, path: &Path, budget: &Budget) -> Result<Self> {
        if is_program(path) {
            return Self::take_in_program(engine, path, budget).await;
        }
        let (at, path) = (engine.clone(), path.to_owned());
        let Some(apart) = engine.apart() else {
            return blocking(move || Self::from_file(&at, &path)).await;
        };
        let read = || {
            let (engine, path, apart) = (engine.clone(), path.clone(), apart.clone());
            blocking(move || {
                let (name, wasm) = read_file(&path)?;
                Unbuilt::read(&name, wasm.into())?.or_known(&engine, apart)
            })
        };
        // What it read is let go: many may wait for a place.
        if let Ok(loaded) = read().await? {
            return Ok(loaded);
        }
        let mut lane = Lane::Small;
        loop {
            let place = apart.place(lane).await?;
            // Another of the same may have been before it.
            let unbuilt = match read().await? {
                Ok(loaded) => return Ok(loaded),
                Err(unbuilt) => unbuilt,
            };
            let begun = apart.begin(place, unbuilt.subject(), budget, engine.clock());
            let mut job = begun.await?;
            match job.code().await {
                Ok(code) => {
                    let apart = apart.clone();
                    return blocking(move || unbuilt.built_by(&at, job, &code, apart)).await;
                }
                Err(error) if error.may_take_more => lane = Lane::Large,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl There {
    /// What the component says of itself, by the process that has begun or by another.
    async fn ask(&mut self, engine: &Engine, budget: &Budget) -> Result<Vec<u8>> {
        let mut lane = Lane::Small;
        loop {
            let mut job = match self.begun.take() {
                Some(job) => job,
                None => {
                    let place = self.apart.place(lane).await?;
                    let subject = self.subject.clone();
                    let begun = self.apart.begin(place, subject, budget, engine.clock());
                    begun.await?
                }
            };
            match job.description().await {
                Err(error) if error.may_take_more => lane = Lane::Large,
                answer => return Ok(answer?),
            }
        }
    }
}

/// What `component` says of itself, unchecked, by whoever knows it.
pub(super) async fn declared(
    component: &LoadedComponent,
    budget: &Budget,
) -> Result<Vec<WorkerClass>> {
    let mut who = component.asked.0.lock().await;
    let there = match &mut *who {
        Who::Here => return component.described(budget).await,
        Who::Known(said) => return Ok(said.classes.clone()),
        Who::InVain(problem) => return Err(HostError::Description(problem.clone())),
        Who::There(there) => there,
    };
    let bytes = there.ask(&component.engine, budget).await;
    let said = match bytes {
        Ok(bytes) => {
            let decoded = blocking(move || {
                let classes = apart::decode(&bytes)?;
                let new = Some(bytes);
                Ok(Said { classes, new })
            });
            decoded.await
        }
        Err(error) => Err(error),
    };
    // The process has nothing more to say, whatever it was.
    match said {
        Ok(said) => {
            let classes = said.classes.clone();
            *who = Who::Known(said);
            Ok(classes)
        }
        Err(error) => {
            *who = Who::InVain(error.public());
            Err(error)
        }
    }
}

/// What `component` said is in force: nobody asks again, and it is kept for later runs.
pub(super) async fn is_in_force(component: &LoadedComponent) {
    let who = std::mem::replace(&mut *component.asked.0.lock().await, Who::Here);
    let Who::Known(Said {
        new: Some(said), ..
    }) = who
    else {
        return;
    };
    let (engine, hash) = (component.engine.clone(), component.hash);
    // Without it, the next run asks once more.
    let _ = blocking(move || {
        engine.keep_description(&hash, &said);
        Ok(())
    })
    .await;
}
