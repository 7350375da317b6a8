//! What each tenant gets of the processors and of memory, as the kernel divides them: a cgroup for each tenant, below
//! the host's own. Without it all processes of all tenants have the same share, and who has more of them has more.
//!
//! A host may do this where its cgroup is delegated to it, as systemd does with `Delegate=yes`. A cgroup that has others
//! below it may have no processes itself, so the host moves into a part of its own:
//!
//! | below the host's cgroup | processes | holds |
//! |---|---|---|
//! | `supervisor` | this one | |
//! | `tenants/tenant-NAME` | | `cpu.weight`, `pids.max` |
//! | `tenants/tenant-NAME/serving` | that of the tenant | `memory.max` |
//! | `tenants/tenant-NAME/compiling` | what compiles for it, which has limits of its own | |
//!
//! No process of a tenant can write there: landlock keeps it out.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::executor::NORMAL_WEIGHT;
use crate::limits;

/// What is divided, of which the first has to be there.
const CONTROLLERS: [&str; 3] = ["cpu", "memory", "pids"];
/// Where the host is.
const SUPERVISOR: &str = "supervisor";
/// Where the tenants are.
const TENANTS: &str = "tenants";
/// How the name of a tenant's cgroup begins: a file of the kernel is never called so.
const TENANT: &str = "tenant-";
const SERVING: &str = "serving";
const COMPILING: &str = "compiling";
/// The file with the processes of a cgroup.
const PROCESSES: &str = "cgroup.procs";

/// Why the kernel does not divide the machine among tenants.
#[derive(Debug, thiserror::Error)]
pub enum NotDelegated {
    /// There are none of this kind.
    #[error("there are no cgroups of version 2 here")]
    None,
    /// The processors are not divided below the host's.
    #[error("the cgroup of the host does not have the controller `{0}`")]
    NoController(&'static str),
    /// The cgroup is not the host's alone.
    #[error("other processes are in the cgroup of the host")]
    Others,
    /// The kernel does not allow it.
    #[error("{path}: {source}", path = path.display())]
    Refused {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What a tenant gets.
#[derive(Debug, Clone, Copy, Default)]
pub struct Part {
    /// Beside others, where all want some; 100 unless it is said.
    pub cpu_weight: Option<u16>,
    /// Bytes that its process is limited to by itself.
    pub memory: Option<u64>,
}

/// The host's own cgroup, with parts for its tenants.
#[derive(Debug)]
pub struct Cgroups {
    tenants: PathBuf,
    /// Which controllers there are.
    controllers: Vec<&'static str>,
    /// Those of tenants that are gone whose processes have not ended yet.
    going: Mutex<BTreeSet<PathBuf>>,
}

/// The cgroup of one tenant, until it is dropped; then whatever is in it is killed.
#[derive(Debug)]
pub struct Group {
    dir: PathBuf,
    all: Arc<Cgroups>,
}

impl Cgroups {
    /// Divides the cgroup that this process is in.
    ///
    /// # Errors
    /// Why it cannot; all is as it was then.
    pub fn of_this_process() -> Result<Arc<Self>, NotDelegated> {
        let read = |path: &str| fs::read_to_string(path).map_err(|_| NotDelegated::None);
        let (mounts, own) = (read("/proc/self/mountinfo")?, read("/proc/self/cgroup")?);
        let place = place(&mounts, &own).ok_or(NotDelegated::None)?;
        let [needed, ..] = CONTROLLERS;
        let divided = Self::divide(&place, std::process::id(), Some(needed))?;
        Ok(Arc::new(divided))
    }

    /// Divides the cgroup at `place`, in which no other process is than `own`.
    fn divide(place: &Path, own: u32, needed: Option<&'static str>) -> Result<Self, NotDelegated> {
        let there = read(&place.join("cgroup.controllers"))?;
        let has = |controller: &&str| there.split_whitespace().any(|it| it == *controller);
        if let Some(needed) = needed.filter(|needed| !has(needed)) {
            return Err(NotDelegated::NoController(needed));
        }
        let (supervisor, tenants) = (place.join(SUPERVISOR), place.join(TENANTS));
        let here = read(&place.join(PROCESSES))?;
        let is_own = |line: &str| line.trim().parse() == Ok(own);
        // Another host may have divided it.
        let before = fs::read_to_string(supervisor.join(PROCESSES)).unwrap_or_default();
        if !here.lines().all(is_own) || !before.trim().is_empty() {
            return Err(NotDelegated::Others);
        }
        let controllers = CONTROLLERS.into_iter().filter(has).collect();
        let cgroups = Self {
            tenants,
            controllers,
            going: Mutex::default(),
        };
        make(&supervisor)?;
        let divided = write(&supervisor.join(PROCESSES), own)
            .and_then(|()| cgroups.divide_further(place))
            .and_then(|()| make(&cgroups.tenants))
            .and_then(|()| cgroups.divide_further(&cgroups.tenants));
        if let Err(error) = divided {
            // Should this fail too, it is where it does no harm.
            let _ = write(&place.join(PROCESSES), own);
            let _ = fs::remove_dir(&supervisor);
            return Err(error);
        }
        cgroups.tidy();
        Ok(cgroups)
    }

    /// Lets what is below `dir` be limited one by one.
    fn divide_further(&self, dir: &Path) -> Result<(), NotDelegated> {
        if self.controllers.is_empty() {
            return Ok(());
        }
        let all: Vec<_> = self.controllers.iter().map(|it| format!("+{it}")).collect();
        write(&dir.join("cgroup.subtree_control"), all.join(" "))
    }

    /// Removes what a host that died has left.
    fn tidy(&self) {
        for left in fs::read_dir(&self.tenants).into_iter().flatten().flatten() {
            if left.file_type().is_ok_and(|kind| kind.is_dir()) {
                kill(&left.path());
                remove(&left.path());
            }
        }
    }

    fn going(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.going.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the cgroup of a tenant.
    ///
    /// # Errors
    /// When the kernel does not allow it.
    pub fn group(self: &Arc<Self>, tenant: &str, part: Part) -> Result<Group, NotDelegated> {
        let name = |turn: u32| match turn {
            0 => format!("{TENANT}{tenant}"),
            turn => format!("{TENANT}{tenant}.{turn}"),
        };
        let going = self.going();
        let mut places = (0..).map(|turn| self.tenants.join(name(turn)));
        let dir = places.find(|place| !going.contains(place));
        drop(going);
        let group = Group {
            dir: dir.unwrap_or_else(|| self.tenants.join(name(0))),
            all: Arc::clone(self),
        };
        group.fill(part)?;
        Ok(group)
    }

    fn has(&self, controller: &str) -> bool {
        self.controllers.contains(&controller)
    }
}

impl Group {
    fn fill(&self, part: Part) -> Result<(), NotDelegated> {
        let (serving, compiling) = (self.dir.join(SERVING), self.dir.join(COMPILING));
        make(&self.dir)?;
        if self.all.has("cpu") {
            let weight = part.cpu_weight.unwrap_or(NORMAL_WEIGHT);
            write(&self.dir.join("cpu.weight"), weight)?;
        }
        if self.all.has("pids") {
            write(&self.dir.join("pids.max"), limits::MAX_TENANT_TASKS)?;
        }
        let has_memory = self.all.has("memory");
        if has_memory {
            write(&self.dir.join("cgroup.subtree_control"), "+memory")?;
        }
        make(&serving)?;
        make(&compiling)?;
        if let Some(memory) = part.memory.filter(|_| has_memory) {
            let most = memory.saturating_add(limits::CGROUP_MEMORY_MORE);
            write(&serving.join("memory.max"), most)?;
        }
        Ok(())
    }

    /// The process that serves the tenant is `pid`.
    ///
    /// # Errors
    /// When the kernel does not allow it.
    pub fn serves(&self, pid: u32) -> Result<(), NotDelegated> {
        write(&self.dir.join(SERVING).join(PROCESSES), pid)
    }

    /// A process that compiles for the tenant is `pid`.
    ///
    /// # Errors
    /// When the kernel does not allow it.
    pub fn compiles(&self, pid: u32) -> Result<(), NotDelegated> {
        write(&self.dir.join(COMPILING).join(PROCESSES), pid)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        kill(&self.dir);
        if remove(&self.dir) {
            return;
        }
        self.all.going().insert(self.dir.clone());
        let (all, dir) = (Arc::clone(&self.all), self.dir.clone());
        let removing = move || {
            for _ in 0..limits::CGROUP_END_LOOKS {
                std::thread::sleep(limits::CGROUP_END_PAUSE);
                if remove(&dir) {
                    all.going().remove(&dir);
                    return;
                }
            }
            // Its name is not used again.
            tracing::warn!("{} cannot be removed: it is in use", dir.display());
        };
        let begun = std::thread::Builder::new()
            .name("ewh-cgroup".to_owned())
            .spawn(removing);
        if let Err(error) = begun {
            tracing::warn!("{} is not removed: {error}", self.dir.display());
        }
    }
}

/// The directory of the cgroup that a process is in, by what the kernel says of its mounts and of itself.
fn place(mounts: &str, own: &str) -> Option<PathBuf> {
    let own = own.lines().find_map(|line| line.strip_prefix("0::"))?;
    mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, at) = (fields.next()?, fields.next()?);
        let is_of_version_2 = kind.split(' ').next() == Some("cgroup2");
        // What is above the mounted part is out of reach.
        let below = Path::new(own).strip_prefix(root).ok()?;
        is_of_version_2.then(|| Path::new(at).join(below))
    })
}

fn read(path: &Path) -> Result<String, NotDelegated> {
    fs::read_to_string(path).map_err(refused(path))
}

fn write(path: &Path, value: impl ToString) -> Result<(), NotDelegated> {
    fs::write(path, value.to_string()).map_err(refused(path))
}

fn make(dir: &Path) -> Result<(), NotDelegated> {
    match fs::create_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map_err(refused(dir)),
    }
}

fn refused(path: &Path) -> impl FnOnce(io::Error) -> NotDelegated {
    let path = path.to_owned();
    |source| NotDelegated::Refused { path, source }
}

/// Kills all that is in the cgroup `dir`; Linux before 5.14 cannot, and then what is there ends by itself.
fn kill(dir: &Path) {
    let _ = fs::write(dir.join("cgroup.kill"), "1");
}

/// Removes the cgroup of a tenant; `false`: there are processes in it.
fn remove(dir: &Path) -> bool {
    for part in [SERVING, COMPILING] {
        // Where one is in use, so is the whole.
        let _ = fs::remove_dir(dir.join(part));
    }
    match fs::remove_dir(dir) {
        Err(error) => error.kind() == io::ErrorKind::NotFound,
        Ok(()) => true,
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    /// A directory with what the kernel has in a cgroup.
    fn fake(controllers: &str, processes: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("cgroup.controllers"), controllers).unwrap();
        fs::write(dir.path().join(PROCESSES), processes).unwrap();
        dir
    }

    fn said(dir: &Path, file: &str) -> String {
        fs::read_to_string(dir.join(file)).unwrap()
    }

    #[test]
    fn each_tenant_has_its_part() {
        let dir = fake("cpuset cpu io memory pids\n", "7\n");
        let root = dir.path();
        let all = Arc::new(Cgroups::divide(root, 7, Some("cpu")).unwrap());
        assert_eq!(said(root, "supervisor/cgroup.procs"), "7");
        for divided in ["", "tenants/"] {
            let file = format!("{divided}cgroup.subtree_control");
            assert_eq!(said(root, &file), "+cpu +memory +pids");
        }
        let part = Part {
            cpu_weight: Some(300),
            memory: Some(1 << 30),
        };
        let group = all.group("lab", part).unwrap();
        group.serves(8).unwrap();
        group.compiles(9).unwrap();
        let of = root.join("tenants/tenant-lab");
        assert_eq!(said(&of, "cpu.weight"), "300");
        assert_eq!(said(&of, "pids.max"), "4096");
        let most = (1_u64 << 30) + limits::CGROUP_MEMORY_MORE;
        assert_eq!(said(&of, "serving/memory.max"), most.to_string());
        assert_eq!(said(&of, "serving/cgroup.procs"), "8");
        assert_eq!(said(&of, "compiling/cgroup.procs"), "9");
        // What cannot be removed yet is nobody else's.
        drop(group);
        assert_eq!(said(&of, "cgroup.kill"), "1");
        let again = all.group("lab", Part::default()).unwrap();
        assert_eq!(again.dir, root.join("tenants/tenant-lab.1"));
        assert_eq!(said(&again.dir, "cpu.weight"), "100");
        assert!(!again.dir.join("serving/memory.max").exists());
    }

    #[test]
    fn what_is_not_the_hosts_alone_is_not_divided() {
        let divide = |dir: &tempfile::TempDir| Cgroups::divide(dir.path(), 7, Some("cpu"));
        let shared = fake("cpu\n", "7\n8\n");
        assert!(matches!(divide(&shared), Err(NotDelegated::Others)));
        let has_none = fake("memory pids\n", "7\n");
        assert!(matches!(
            divide(&has_none),
            Err(NotDelegated::NoController("cpu"))
        ));
        let twice = fake("cpu\n", "");
        fs::create_dir(twice.path().join(SUPERVISOR)).unwrap();
        fs::write(twice.path().join("supervisor/cgroup.procs"), "9\n").unwrap();
        assert!(matches!(divide(&twice), Err(NotDelegated::Others)));
        let nowhere = Cgroups::divide(Path::new("/nowhere"), 7, Some("cpu"));
        assert!(matches!(nowhere, Err(NotDelegated::Refused { .. })));
        for dir in [shared, has_none] {
            assert!(!dir.path().join(SUPERVISOR).exists());
        }
    }

    #[test]
    fn the_place_is_found_by_what_the_kernel_says() {
        let one = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n";
        let own = "0::/system.slice/ewh.service\n";
        let found = |mounts: &str, own: &str| place(mounts, own);
        assert_eq!(
            found(one, own),
            Some("/sys/fs/cgroup/system.slice/ewh.service".into())
        );
        let both = "31 23 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
            41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        assert_eq!(
            found(both, "1:cpu:/x\n0::/\n"),
            Some("/sys/fs/cgroup/unified/".into())
        );
        let inside = "30 23 0:26 /docker/x /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
        assert_eq!(
            found(inside, "0::/docker/x/y\n"),
            Some("/sys/fs/cgroup/y".into())
        );
        assert_eq!(found(inside, "0::/\n"), None);
        assert_eq!(found("", own), None);
        assert_eq!(found(one, "1:cpu:/\n"), None);
    }

    /// A cgroup of the kernel, where this user may make one, and a process in it.
    struct Real {
        dir: PathBuf,
        process: Child,
    }

    impl Real {
        fn make() -> Option<Self> {
            let read = |path| fs::read_to_string(path).ok();
            let (mounts, own) = (read("/proc/self/mountinfo")?, read("/proc/self/cgroup")?);
            let name = format!("ewh-test-{}", std::process::id());
            let dir = place(&mounts, &own)?.join(name);
            fs::create_dir(&dir).ok()?;
            let process = Command::new("sleep").arg("60").spawn().unwrap();
            let real = Self { dir, process };
            let moved = write(&real.dir.join(PROCESSES), real.process.id());
            moved.is_ok().then_some(real)
        }
    }

    impl Drop for Real {
        fn drop(&mut self) {
            let _ = self.process.kill();
            let _ = self.process.wait();
            for part in ["supervisor", "tenants", ""] {
                let _ = fs::remove_dir(self.dir.join(part));
            }
        }
    }

    #[test]
    fn the_kernel_moves_and_ends_what_is_in_a_group() {
        let Some(real) = Real::make() else {
            // The machine does not let this user make cgroups: there is nothing to be tried.
            return;
        };
        let own = real.process.id();
        let has_cpu = said(&real.dir, "cgroup.controllers").contains("cpu");
        let needed = has_cpu.then_some("cpu");
        let all = Arc::new(Cgroups::divide(&real.dir, own, needed).unwrap());
        let procs = |part: &str| said(&real.dir, &format!("{part}/{PROCESSES}"));
        assert_eq!(procs("supervisor").trim(), own.to_string());
        let group = all.group("lab", Part::default()).unwrap();
        let mut served = Command::new("sleep").arg("60").spawn().unwrap();
        group.serves(served.id()).unwrap();
        assert_eq!(
            procs("tenants/tenant-lab/serving").trim(),
            served.id().to_string()
        );
        drop(group);
        // It was killed, and did not end by itself.
        assert!(!served.wait().unwrap().success());
        let gone = || !real.dir.join("tenants/tenant-lab").exists();
        for _ in 0..limits::CGROUP_END_LOOKS {
            if gone() {
                break;
            }
            std::thread::sleep(limits::CGROUP_END_PAUSE);
        }
        assert!(gone());
    }
}
