//! Compiled components on disk, authenticated: loading native code from a file that somebody
//! swapped would hand them the host.
//!
//! An entry is named by the hash of the component and of everything in the engine that the code
//! depends on. What a component says of itself is an entry beside its code. An entry begins with a MAC, keyed with
//! a secret in the same directory that only its owner can read, over its name and its content: neither a changed
//! entry nor one renamed to another's name passes. An entry that does not pass is made again.

use std::collections::HashSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::error::{HostError, Result};

const MAC_BYTES: usize = blake3::OUT_LEN;
const KEY_FILE: &str = "key";

/// A directory of compiled components.
#[derive(Debug)]
pub struct CompileCache {
    dir: PathBuf,
    key: [u8; blake3::KEY_LEN],
    compiling: InHand,
}

/// What is being compiled: who wants the same waits, and finds it in the cache.
#[derive(Debug, Default)]
struct InHand {
    components: Mutex<HashSet<blake3::Hash>>,
    one_less: Condvar,
}

/// The right to compile a component, until it is dropped.
pub(super) struct Turn<'a> {
    all: &'a InHand,
    component: blake3::Hash,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let components = self.all.components.lock();
        let mut components = components.unwrap_or_else(PoisonError::into_inner);
        components.remove(&self.component);
        drop(components);
        self.all.one_less.notify_all();
    }
}

impl CompileCache {
    /// Opens the cache in `dir`, which is made, with a fresh key, if it is not there.
    ///
    /// # Errors
    /// [`HostError::File`] when the directory or its key cannot be read or made.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self> {
        let dir = dir.into();
        let failed = |action| {
            let path = dir.clone();
            move |source| HostError::File {
                action,
                path,
                source,
            }
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)
            .map_err(failed("create the cache directory"))?;
        let key = read_or_make_key(&dir.join(KEY_FILE)).map_err(failed("read the key in"))?;
        let compiling = InHand::default();
        Ok(Self {
            dir,
            key,
            compiling,
        })
    }

    /// The user's cache directory: `$EWH_CACHE_DIR`, or `ewh` in the directory for caches.
    pub fn default_dir() -> Option<PathBuf> {
        let from = |name: &str| {
            std::env::var_os(name)
                .filter(|v| !v.is_empty())
                .map(PathBuf::from)
        };
        from("EWH_CACHE_DIR")
            .or_else(|| from("XDG_CACHE_HOME").map(|dir| dir.join("ewh")))
            .or_else(|| from("HOME").map(|dir| dir.join(".cache/ewh")))
    }

    /// Waits until nobody else here compiles `wasm`, so that it is in the cache if somebody just did.
    pub(super) fn turn(&self, wasm: &[u8]) -> Turn<'_> {
        let all = &self.compiling;
        let component = blake3::hash(wasm);
        let components = all
            .components
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut components = all
            .one_less
            .wait_while(components, |components| components.contains(&component))
            .unwrap_or_else(PoisonError::into_inner);
        components.insert(component);
        Turn { all, component }
    }

    /// The code for `wasm`, if it is there and authentic.
    pub(super) fn load(&self, engine: &Engine, wasm: &[u8]) -> Option<wasmtime::Result<Component>> {
        let code = self.read(&entry_name(engine, wasm))?;
        Some(deserialize_trusted(engine, &code))
    }

    /// What the component of this hash says of itself, if it is there and authentic.
    pub(super) fn description(&self, component: &blake3::Hash) -> Option<Vec<u8>> {
        self.read(&description_name(component))
    }

    /// Keeps what the component of this hash says of itself.
    pub(super) fn store_description(&self, component: &blake3::Hash, description: &[u8]) {
        self.keep(&description_name(component), description);
    }

    fn read(&self, name: &str) -> Option<Vec<u8>> {
        let mut entry = fs::read(self.dir.join(name)).ok()?;
        let (mac, content) = entry.split_at_checked(MAC_BYTES)?;
        let mac = blake3::Hash::from_slice(mac).ok()?;
        // `Hash` compares in constant time.
        if mac != self.mac(name, content) {
            tracing::warn!(
                entry = name,
                "a cached component is not authentic; compiling it again"
            );
            return None;
        }
        entry.drain(..MAC_BYTES);
        Some(entry)
    }

    /// Keeps `code`. A cache that cannot be written costs time, not the load.
    pub(super) fn store(&self, engine: &Engine, wasm: &[u8], code: &[u8]) {
        self.keep(&entry_name(engine, wasm), code);
    }

    fn keep(&self, name: &str, content: &[u8]) {
        if let Err(error) = self.write(name, content) {
            tracing::warn!(%error, dir = %self.dir.display(), "cannot write to the compile cache");
        }
    }

    fn write(&self, name: &str, code: &[u8]) -> io::Result<()> {
        let temporary = self
            .dir
            .join(format!("{name}.{}", uuid::Uuid::new_v4().simple()));
        let mut file = private_file(&temporary)?;
        let written = file
            .write_all(self.mac(name, code).as_bytes())
            .and_then(|()| file.write_all(code))
            .and_then(|()| fs::rename(&temporary, self.dir.join(name)));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    fn mac(&self, name: &str, code: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher
            .update(&name.len().to_le_bytes())
            .update(name.as_bytes())
            .update(code);
        hasher.finalize()
    }
}

/// Loads code that this process compiled itself, or had compiled by its own program, or whose MAC it checked.
pub(super) fn deserialize_trusted(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the callers pass what wasmtime's compiler made: here, in a process of this program, or under
    // the MAC.
    #[allow(unsafe_code, reason = "the one place where compiled code is loaded")]
    unsafe {
        Component::deserialize(engine, code)
    }
}

fn entry_name(engine: &Engine, wasm: &[u8]) -> String {
    let mut compatibility = DefaultHasher::new();
    engine
        .precompile_compatibility_hash()
        .hash(&mut compatibility);
    format!(
        "{}-{:016x}.cwasm",
        blake3::hash(wasm).to_hex(),
        compatibility.finish()
    )
}

/// What a component says depends on what hosts it, and how that is written down on its types.
fn description_name(component: &blake3::Hash) -> String {
    const HOST: &str = concat!(
        env!("CARGO_PKG_VERSION"),
        include_str!("../../../wit/types.wit")
    );
    let mut host = DefaultHasher::new();
    HOST.hash(&mut host);
    format!("{}-{:016x}.described", component.to_hex(), host.finish())
}

fn private_file(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn read_or_make_key(path: &Path) -> io::Result<[u8; blake3::KEY_LEN]> {
    match fs::read(path) {
        Ok(key) => key.try_into().map_err(|_wrong| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "the key has the wrong length; delete it",
            )
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make_key(path),
        Err(error) => Err(error),
    }
}

fn make_key(path: &Path) -> io::Result<[u8; blake3::KEY_LEN]> {
    let mut key = [0; blake3::KEY_LEN];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    // Written aside and linked into place: two hosts that start at once agree on one whole key.
    let temporary = path.with_extension(uuid::Uuid::new_v4().simple().to_string());
    private_file(&temporary)?.write_all(&key)?;
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary)?;
    match linked {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read_or_make_key(path),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";
    /// The same with a custom section without content.
    const OTHER: &[u8] = b"\0asm\x0d\0\x01\0\0\x02\x01a";

    #[test]
    fn an_entry_that_was_changed_or_renamed_is_compiled_again() {
        let dir = tempfile::tempdir().unwrap();
        let cache = CompileCache::open(dir.path()).unwrap();
        let engine = Engine::default();
        for wasm in [EMPTY, OTHER] {
            assert!(cache.load(&engine, wasm).is_none());
            let code = engine.precompile_component(wasm).unwrap();
            cache.store(&engine, wasm, &code);
            assert!(cache.load(&engine, wasm).unwrap().is_ok());
        }
        let entry = dir.path().join(entry_name(&engine, EMPTY));
        let whole = fs::read(&entry).unwrap();
        let is_loaded = |bytes: &[u8]| {
            fs::write(&entry, bytes).unwrap();
            cache.load(&engine, EMPTY).is_some()
        };
        for at in [0, MAC_BYTES, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(!is_loaded(&changed), "byte {at}");
        }
        for length in [0, MAC_BYTES - 1, MAC_BYTES, whole.len() - 1] {
            assert!(!is_loaded(&whole[..length]), "{length} bytes");
        }
        let other = fs::read(dir.path().join(entry_name(&engine, OTHER))).unwrap();
        assert!(!is_loaded(&other), "another component's");
        assert!(is_loaded(&whole));

        let key = dir.path().join(KEY_FILE);
        let mode = fs::metadata(&key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::remove_file(key).unwrap();
        let another = CompileCache::open(dir.path()).unwrap();
        assert!(another.load(&engine, EMPTY).is_none(), "another host's");
    }
}
