//! From the command line to a component in an engine.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::CacheOptions;
use super::error::CliError;
use super::files;
use super::output::Output;
use super::python;
use super::remote::contexts_file;
use crate::component::{LoadedComponent, is_program};
use crate::engine::{CompileCache, Compiling, Engine, EngineOptions, Opener, Trust};
use crate::error::HostError;
use crate::limits::descriptors;
use crate::policy::{Guarded, Policy};
use crate::registry::Logins;

/// Slots for the few workers of a command, and stacks for what waits in them: what a server keeps ready
/// is not needed here.
const POOL_INSTANCES: u32 = 64;

/// The runtime that a command waits on. Guests run elsewhere.
///
/// # Errors
/// When the machine gives no threads.
pub fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("ewh-control")
        .enable_all()
        .build()
        .map_err(CliError::Machine)
}

/// An engine for a few workers.
///
/// # Errors
/// When the machine cannot give what it needs, or the cache that was asked for cannot be used.
pub fn engine(options: &CacheOptions) -> Result<Engine, CliError> {
    raise_descriptors();
    let cache = cache(options)?;
    let pool_instances = Some(POOL_INSTANCES);
    Ok(Engine::new(EngineOptions {
        cache,
        pool_instances,
        names_places: true,
        trust: options.trust()?,
        python: options.python(),
        ..EngineOptions::new(Compiling::Here)
    })?)
}

/// An engine for a server: with a pool for many instances.
///
/// # Errors
/// Those of [`engine`].
pub fn server_engine(
    options: &CacheOptions,
    trust: Trust,
    compiling: Compiling,
    opener: Opener,
) -> Result<Engine, CliError> {
    raise_descriptors();
    let cache = cache(options)?;
    Ok(Engine::new(EngineOptions {
        cache,
        trust,
        opener,
        python: options.python(),
        ..EngineOptions::new(compiling)
    })?)
}

/// Before the first guest, which draws from what there is.
fn raise_descriptors() {
    if let Err(error) = descriptors::raise() {
        tracing::warn!("this process has few file descriptors, and gets no more: {error}");
    }
}

/// The runtime of a server: a thread for each core.
///
/// # Errors
/// When the machine gives no threads.
pub fn server_runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .thread_name("ewh-server")
        .enable_all()
        .build()
        .map_err(CliError::Machine)
}

/// A cache that nobody asked for may be missing; it costs time only.
fn cache(options: &CacheOptions) -> Result<Option<CompileCache>, HostError> {
    if options.no_cache {
        return Ok(None);
    }
    if let Some(dir) = &options.cache_dir {
        return CompileCache::open(dir).map(Some);
    }
    let opened = CompileCache::default_dir()
        .map(CompileCache::open)
        .transpose();
    Ok(opened.unwrap_or_else(|error| {
        tracing::warn!("components are compiled every time: {error}");
        None
    }))
}

/// The component at `path`, compiled.
///
/// # Errors
/// When it is not a file, or is not a component of the world `external-worker`.
pub fn component(
    engine: &Engine,
    path: &Path,
    output: &Output,
) -> Result<Arc<LoadedComponent>, CliError> {
    files::check(path, "component")?;
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy();
    if is_program(path) {
        python::prepare(engine.python_file(), output)?;
    }
    let _progress = output.progress(format!("compiling {name}"));
    Ok(Arc::new(LoadedComponent::from_file(engine, path)?))
}

/// The kernel's view of processes: their environments, with tokens in them, and their memory.
pub const PROCESSES: &str = "/proc";

/// The policy at `path` for guests that this command runs itself.
///
/// # Errors
/// When it is not a file, is not a policy, or grants what belongs to the command.
pub fn policy_of_run(path: Option<&Path>, cache: &CacheOptions) -> Result<Policy, CliError> {
    let policy = policy(path)?;
    match path {
        Some(path) => Ok(policy.beside(path, &guarded(cache))?),
        None => Ok(policy),
    }
}

/// What belongs to every command that runs guests: compiled code with its key, of this command or another
/// of the same user, the operator's logins and whom the operator believes, and what the kernel shows of
/// processes.
pub fn guarded(cache: &CacheOptions) -> Guarded {
    let guarded = Guarded::default();
    guarded.keep(PROCESSES, "the environment and the memory of this host");
    let default = CompileCache::default_dir();
    for dir in cache.cache_dir.clone().into_iter().chain(default) {
        guarded.keep(dir, "the cache of compiled components");
    }
    for (file, what) in operators(cache) {
        guarded.keep(file, what);
    }
    guarded
}

/// What the operator has of secrets for registries and for other hosts, and of certificates that the host believes.
pub fn operators(cache: &CacheOptions) -> impl Iterator<Item = (PathBuf, &'static str)> {
    let logins = Logins::files().into_iter();
    let logins = logins.map(|file| (file, "the operator's logins for registries"));
    let contexts = contexts_file().into_iter();
    let contexts = contexts.map(|file| (file, "the operator's tokens for hosts"));
    let believed = cache.ca_files().into_iter();
    logins
        .chain(contexts)
        .chain(believed.map(|file| (file, "the certificates that the host believes")))
}

/// The policy at `path`; without a path the one that grants nothing.
///
/// # Errors
/// When it is not a file, or is not a policy.
pub fn policy(path: Option<&Path>) -> Result<Policy, CliError> {
    let Some(path) = path else {
        return Ok(Policy::default());
    };
    files::check(path, "policy")?;
    Ok(Policy::load(path)?)
}
