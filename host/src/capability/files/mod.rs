//! Directories: `wasi:filesystem` 0.2 and 0.3, for those of the host and for the instance's own.
//!
//! Paths are resolved by `wasmtime-wasi`, which keeps them inside their directory, links and all;
//! nothing here opens a path for a guest by itself. What is added is the quota (see [`quota`] and
//! [`transaction`]), the budget for what is open and buffered, and the audit of denials.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtx, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;
use wasmtime_wasi::p2::{FsError, FsResult};
use wasmtime_wasi::{FsPerms, ResourceTableError, WasiCtx, p2, p3};

use super::data::Folder;
use super::grants::{Closing, Opened as Leasable};
use super::{CapabilityView, Devices, Guard, Prepare, Provider, Reach, StandIn};
use crate::engine::Opener;
use crate::error::{HostError, Result};
use crate::limits::{
    Exhausted, HANDLE_BYTES, Held, MAX_FILES, Resource as Budgeted, SIMULATED_FOLDER_QUOTA,
};
use crate::policy::grant::{DataGrant, FilesGrant, Mode};
use crate::policy::{Capability, Granted, Guarded, Policy};

mod books;
mod change;
mod grant;
mod list;
mod measure;
mod p2_host;
mod p2_stream;
mod p3_host;
mod p3_stream;
mod p3_words;
mod quota;
mod threads;
mod transaction;

use grant::{Grant, Readable, holds};
use list::{LeftOut, List};
use measure::Size;
use quota::Quota;
use threads::{Threads, shutting_down};
use transaction::{Name, Opened};

/// What one stream may hold between the guest and the disk.
const STREAM_BYTES: u64 = 64 * 1024;

/// The directories of one instance.
pub struct State {
    ctx: WasiFilesystemCtx,
    guard: Guard,
    grants: Vec<Arc<Grant>>,
    /// Every open descriptor, by its number in the table.
    open: HashMap<u32, Open>,
    threads: Threads,
    /// The descriptors of the granted directories.
    _held: Option<Held>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("open", &self.open.len())
            .finish_non_exhaustive()
    }
}

/// An open descriptor.
#[derive(Debug)]
struct Open {
    grant: Arc<Grant>,
    _held: Vec<Held>,
}

/// Opens the granted directories, and counts what is in those with a quota. All that blocks is done off the
/// guests' threads.
///
/// # Errors
/// When one of them cannot be opened or counted, or the process has no descriptors for them.
async fn open_granted(state: &mut State, guard: &Guard, cx: &Prepare) -> Result<()> {
    let seen: Arc<[Seen]> = seen(&guard.granted(), cx).into();
    if seen.is_empty() {
        return Ok(());
    }
    let count = u64::try_from(seen.len()).unwrap_or(u64::MAX);
    state._held = Some(guard.ledger.hold(Budgeted::Descriptors, count)?);
    let (guarding, opened, opener) = (guard.clone(), Arc::clone(&seen), cx.opener.clone());
    let opening =
        tokio::task::spawn_blocking(move || open(&opened, &guarding.granted().guarded, &opener));
    let (ctx, directories) = match opening.await {
        Ok(opened) => opened?,
        Err(_) => return Err(HostError::Engine(shutting_down().to_string())),
    };
    state.ctx = ctx;
    for (seen, directory) in seen.iter().zip(&directories) {
        let lease = guard.lease(seen.opened(), Closing::Watched);
        let lease = lease.map_err(|denial| seen.unusable("opened", &denial))?;
        let quota = books(seen, directory).await?;
        state.grants.push(Arc::new(Grant {
            capability: seen.capability(),
            guest: seen.guest.clone(),
            left_out: Arc::new(LeftOut::new(&seen.guest, &cx.stdio)),
            quota: quota.map(|quota| quota.leased(&lease)),
            lease,
        }));
    }
    Ok(())
}

/// A directory that an instance is to see.
#[derive(Debug)]
struct Seen {
    guest: String,
    mode: Mode,
    quota: Option<u64>,
    max_files: Option<u64>,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// Wherever the operator says.
    Granted(FilesGrant),
    /// The instance's own.
    Own(Arc<Folder>),
}

/// Everything that is granted, by whichever capability.
fn seen(granted: &Granted, cx: &Prepare) -> Vec<Seen> {
    let files = granted.files.iter().map(|grant| Seen {
        guest: grant.guest.clone(),
        mode: grant.mode,
        quota: grant.quota.map(|quota| quota.as_u64()),
        max_files: grant.max_files,
        place: Place::Granted(grant.clone()),
    });
    let own = granted.data.iter().map(|grant| Seen {
        guest: DataGrant::GUEST.to_owned(),
        mode: Mode::Rw,
        quota: Some(grant.quota.as_u64()),
        max_files: grant.max_files,
        place: Place::Own(Arc::clone(&cx.folder)),
    });
    files.chain(own).collect()
}

impl Seen {
    fn capability(&self) -> Capability {
        match self.place {
            Place::Granted(_) => Capability::Files,
            Place::Own(_) => Capability::Data,
        }
    }

    /// What it is while it is open.
    fn opened(&self) -> Leasable {
        match &self.place {
            Place::Granted(grant) => Leasable::Directory(grant.clone()),
            Place::Own(_) => Leasable::Own,
        }
    }

    /// Opens it. Blocks.
    fn open(&self, guarded: &Guarded, opener: &Opener) -> Result<Directory> {
        let opened = |error: &dyn fmt::Display| self.unusable("opened", error);
        match &self.place {
            Place::Granted(grant) => {
                let is_written = self.mode == Mode::Rw;
                let directory = match opener.open_folder(&grant.host, is_written) {
                    Some(given) => given.map(|held| Directory::given(&grant.host, held)),
                    None => Directory::open(&grant.host),
                };
                let directory = directory.map_err(|error| opened(&error))?;
                // Whatever the path led to when the policy was read: this is what it leads to now.
                let reached = guarded.check_place(&directory.real());
                reached.map_err(|reached| opened(&format_args!("it {reached}")))?;
                Ok(directory)
            }
            // It belongs to the host, which gives it away.
            Place::Own(folder) => folder.open(Directory::open).map_err(|error| opened(&error)),
        }
    }

    fn unusable(&self, what: &str, why: &dyn fmt::Display) -> HostError {
        let problem = match &self.place {
            Place::Granted(grant) => format!(
                "the granted directory {} cannot be {what}: {why}; create it, or correct `host` in \
                 the [[files]] grant",
                grant.host.display()
            ),
            Place::Own(_) => format!("the instance's own folder cannot be {what}: {why}"),
        };
        HostError::Capability {
            capability: self.capability().name(),
            problem,
        }
    }
}

/// Opens all of them. Blocks.
fn open(
    seen: &[Seen],
    guarded: &Guarded,
    opener: &Opener,
) -> Result<(WasiFilesystemCtx, Vec<Directory>)> {
    let mut wasi = WasiCtx::builder();
    let mut directories = Vec::new();
    for one in seen {
        let perms = match one.mode {
            Mode::Ro => FsPerms::ReadOnly,
            Mode::Rw => FsPerms::ReadWrite,
        };
        let directory = one.open(guarded, opener)?;
        wasi.preopened_dir(directory.path(), &one.guest, perms)
            .map_err(|error| one.unusable("opened", &error))?;
        directories.push(directory);
    }
    Ok((wasi.build().filesystem().clone(), directories))
}

/// A granted directory while it is looked at and opened, which is the same one all the time.
struct Directory {
    host: PathBuf,
    #[cfg(target_os = "linux")]
    held: std::os::fd::OwnedFd,
}

impl Directory {
    fn open(host: &Path) -> io::Result<Self> {
        Ok(Self {
            host: host.to_owned(),
            #[cfg(target_os = "linux")]
            held: {
                use rustix::fs::{Mode, OFlags};
                let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
                rustix::fs::open(host, flags, Mode::empty())?
            },
        })
    }

    /// One that was opened for this process.
    fn given(host: &Path, held: std::os::fd::OwnedFd) -> Self {
        #[cfg(not(target_os = "linux"))]
        drop(held);
        Self {
            host: host.to_owned(),
            #[cfg(target_os = "linux")]
            held,
        }
    }

    /// A path to it that nobody can make lead elsewhere.
    #[cfg(target_os = "linux")]
    fn path(&self) -> PathBuf {
        use std::os::fd::AsRawFd;
        format!("/proc/self/fd/{}", self.held.as_raw_fd()).into()
    }

    #[cfg(not(target_os = "linux"))]
    fn path(&self) -> PathBuf {
        self.host.clone()
    }

    /// Where it is.
    fn real(&self) -> PathBuf {
        std::fs::canonicalize(self.path()).unwrap_or_else(|_| self.host.clone())
    }
}

async fn books(seen: &Seen, directory: &Directory) -> Result<Option<Quota>> {
    let limit = match (seen.mode, seen.quota, seen.max_files) {
        (Mode::Ro, ..) => return Ok(None),
        (Mode::Rw, None, None) => return Ok(Some(Quota::unlimited())),
        (Mode::Rw, bytes, names) => {
            let without = if bytes.is_some() { MAX_FILES } else { u64::MAX };
            Size {
                bytes: bytes.unwrap_or(u64::MAX),
                names: names.unwrap_or(without),
            }
        }
    };
    let quota = Quota::limited(&directory.path(), limit).await;
    quota
        .map(Some)
        .map_err(|error| seen.unusable("counted", &error))
}

/// The capability; names [`View`] to the linker.
pub struct Files;

impl HasData for Files {
    type Data<'a> = View<'a>;
}

impl Provider for Files {
    const CAPABILITY: Capability = Capability::Files;
    const STAND_IN: Option<StandIn> = Some(StandIn::Folders);

    type State = State;

    fn prepare(guard: &Guard, _: &Prepare) -> State {
        State {
            ctx: WasiCtx::builder().build().filesystem().clone(),
            guard: guard.clone(),
            grants: Vec::new(),
            open: HashMap::new(),
            threads: Threads::new(),
            _held: None,
        }
    }

    async fn open(state: &mut State, guard: &Guard, cx: &Prepare) -> Result<()> {
        open_granted(state, guard, cx).await
    }

    /// Without a grant there are no directories.
    fn link<T: CapabilityView>(linker: &mut Linker<T>, _: bool) -> wasmtime::Result<()> {
        p2::bindings::filesystem::types::add_to_linker::<T, Self>(linker, view)?;
        p2::bindings::filesystem::preopens::add_to_linker::<T, Self>(linker, view)?;
        p3::bindings::filesystem::types::add_to_linker::<T, Self>(linker, view)?;
        p3::bindings::filesystem::preopens::add_to_linker::<T, Self>(linker, view)
    }

    fn reach(policy: &Policy, reach: &mut Reach) {
        for grant in &policy.files {
            match grant.mode {
                Mode::Ro => reach.read.push(grant.host.clone()),
                Mode::Rw => reach.write.push(grant.host.clone()),
            }
        }
    }

    fn grant(devices: &Devices, policy: &mut Policy) {
        let folders = devices.folders.iter();
        policy.files.extend(folders.map(|(guest, host)| FilesGrant {
            host: host.clone(),
            guest: guest.clone(),
            mode: Mode::Rw,
            quota: Some(SIMULATED_FOLDER_QUOTA),
            max_files: None,
            until: None,
        }));
    }
}

/// The capability in the hands of one host call.
pub struct View<'a> {
    state: &'a mut State,
    table: &'a mut ResourceTable,
}

fn view<T: CapabilityView>(data: &mut T) -> View<'_> {
    let capabilities = data.capabilities();
    View {
        state: &mut capabilities.files,
        table: &mut capabilities.table,
    }
}

/// The same for the implementation that everything ends up in.
fn wasi_view<T: CapabilityView>(data: &mut T) -> WasiFilesystemCtxView<'_> {
    let capabilities = data.capabilities();
    WasiFilesystemCtxView {
        ctx: &mut capabilities.files.ctx,
        table: &mut capabilities.table,
    }
}

/// `descriptor` once more: the implementation takes it by value.
fn again(descriptor: &Resource<Descriptor>) -> Resource<Descriptor> {
    Resource::new_borrow(descriptor.rep())
}

/// Charges a handle with its descriptor, which a stream keeps open beyond its file, and `bytes` of
/// buffers.
fn handle(guard: &Guard, bytes: u64) -> Result<Vec<Held>, Exhausted> {
    let ledger = &guard.ledger;
    let bytes = bytes.saturating_add(HANDLE_BYTES);
    Ok(vec![
        ledger.hold(Budgeted::Handles, 1)?,
        ledger.hold(Budgeted::Memory, bytes)?,
        ledger.hold(Budgeted::Descriptors, 1)?,
    ])
}

/// A length in memory as one on the disk.
fn length(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

impl View<'_> {
    fn wasi(&mut self) -> WasiFilesystemCtxView<'_> {
        WasiFilesystemCtxView {
            ctx: &mut self.state.ctx,
            table: self.table,
        }
    }

    /// The grant that a descriptor was opened under.
    fn grant(&self, descriptor: &Resource<Descriptor>) -> wasmtime::Result<Arc<Grant>> {
        // The table knows whether it is a descriptor at all.
        self.table.get(descriptor)?;
        let open = self.state.open.get(&descriptor.rep());
        let open = open.ok_or_else(|| wasmtime::format_err!("a descriptor without a grant"))?;
        Ok(Arc::clone(&open.grant))
    }

    /// The grant that a descriptor was opened under, for what may be done only while that is there.
    fn held(&self, descriptor: &Resource<Descriptor>) -> FsResult<Arc<Grant>> {
        let grant = self.grant(descriptor).map_err(FsError::trap)?;
        holds(&grant.lease)?;
        Ok(grant)
    }

    /// A listing of an open directory; `None` for a file.
    fn list(&self, descriptor: &Resource<Descriptor>) -> wasmtime::Result<Option<List>> {
        Ok(match self.table.get(descriptor)? {
            Descriptor::Dir(dir) => {
                let grant = self.grant(descriptor)?;
                Some(List::new(Arc::clone(&dir.dir), grant))
            }
            Descriptor::File(_) => None,
        })
    }

    /// An open file that is read; `None` for a directory.
    fn readable(&self, descriptor: &Resource<Descriptor>) -> wasmtime::Result<Option<Readable>> {
        let file = self.file(descriptor)?;
        let grant = self.grant(descriptor)?;
        Ok(file.map(|file| Readable { file, grant }))
    }

    /// An open file; `None` for a directory.
    fn file(&self, descriptor: &Resource<Descriptor>) -> wasmtime::Result<Option<Arc<File>>> {
        Ok(match self.table.get(descriptor)? {
            Descriptor::File(file) => Some(Arc::clone(&file.file)),
            Descriptor::Dir(_) => None,
        })
    }

    fn hold(&self, bytes: u64) -> Result<Vec<Held>, Exhausted> {
        handle(&self.state.guard, bytes)
    }

    /// A name below an open directory.
    fn name(&self, dir: &Resource<Descriptor>, path: String) -> FsResult<Name> {
        let grant = self.held(dir)?;
        let dir = self.table.get(dir)?.clone();
        Ok(Name { grant, dir, path })
    }

    /// An open file whose bytes are counted, and its quota.
    fn counted(&self, fd: &Resource<Descriptor>) -> FsResult<(Quota, Arc<File>)> {
        let grant = self.held(fd)?;
        let file = self.file(fd).map_err(FsError::trap)?;
        let file = file.ok_or(ErrorCode::BadDescriptor)?;
        let Some(quota) = &grant.quota else {
            grant.denied(&self.state.guard, "", true);
            return Err(ErrorCode::NotPermitted.into());
        };
        Ok((quota.clone(), file))
    }

    /// Gives the guest what was opened for it.
    fn adopt(&mut self, opened: Opened) -> Result<Resource<Descriptor>, ResourceTableError> {
        let Opened {
            descriptor,
            grant,
            held,
        } = opened;
        let descriptor = self.table.push(descriptor)?;
        self.state
            .open
            .insert(descriptor.rep(), Open { grant, _held: held });
        Ok(descriptor)
    }

    fn directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        use p2::bindings::filesystem::preopens::Host as _;
        let count = self.state.grants.len();
        let mut held = Vec::new();
        for _ in 0..count {
            held.push(self.hold(0)?);
        }
        let directories = self.wasi().get_directories()?;
        let grants = self.state.grants.clone();
        for (((descriptor, _), grant), held) in directories.iter().zip(grants).zip(held) {
            self.state
                .open
                .insert(descriptor.rep(), Open { grant, _held: held });
        }
        Ok(directories)
    }

    fn close(&mut self, descriptor: Resource<Descriptor>) -> wasmtime::Result<()> {
        self.state.open.remove(&descriptor.rep());
        self.table.delete(descriptor)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
