//! Where the data of managed tenants is: a directory for each in one for all, with the policy of its modules that have
//! none of their own, and of those that do.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use external_worker_control::model::{Code, Grant, Granted, PolicyState, Problem};

use crate::cli::files;
use crate::limits::MAX_POLICY_BYTES;
use crate::policy::{Capability, Policy, edit};
use crate::worker::DataDir;
use crate::worker::modules::package::FOLDER;

/// The policy of modules that have none of their own.
const DEFAULT_POLICY: &str = "policy.toml";

/// Makes a directory that nobody else reads.
pub(super) fn make(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// The directory of one tenant.
#[derive(Debug, Clone)]
pub(super) struct Folder(DataDir);

impl Folder {
    /// That of `tenant` below `root`. Its name is one, which was checked.
    pub(super) fn of(root: &Path, tenant: &str) -> Self {
        Self(DataDir {
            data: root.join(tenant),
        })
    }

    pub(super) fn data(&self) -> &Path {
        &self.0.data
    }

    pub(super) fn local_workers(&self) -> PathBuf {
        self.0.local_workers()
    }

    /// Where what was installed from folders, archives and registries is.
    pub(super) fn packages(&self) -> PathBuf {
        self.0.data.join(FOLDER)
    }

    /// The policy of modules that have none of their own.
    pub(super) fn default_policy(&self) -> PathBuf {
        self.0.data.join(DEFAULT_POLICY)
    }

    /// Makes what is not there: a tenant that is new is granted nothing.
    pub(super) fn make(&self) -> io::Result<()> {
        make(&self.0.data)?;
        let policy = self.default_policy();
        if policy.symlink_metadata().is_ok() {
            return Ok(());
        }
        files::write_new(&policy, b"").map_err(io::Error::other)
    }

    /// Removes all of it. What is removed has another name first, so that a tenant of this name can be made meanwhile.
    pub(super) fn erase(&self) -> io::Result<()> {
        if self.0.data.symlink_metadata().is_err() {
            return Ok(());
        }
        let root = self.0.data.parent().unwrap_or(Path::new("."));
        let aside = tempfile::Builder::new()
            .prefix(".removed-")
            .tempdir_in(root)?;
        std::fs::rename(&self.0.data, aside.path().join("data"))?;
        aside.close()
    }

    /// The file with the policy of `module`.
    fn policy(&self, module: Option<&str>) -> Result<PathBuf, Problem> {
        let Some(module) = module else {
            return Ok(self.default_policy());
        };
        let file = PathBuf::from(format!("{module}.toml"));
        let is_plain = |part| matches!(part, std::path::Component::Normal(_));
        if module.is_empty() || module.starts_with('.') || !file.components().all(is_plain) {
            return Err(Problem::new(
                Code::NotFound,
                "there can be no module of this name",
            ));
        }
        Ok(self.0.policies().join(file))
    }

    /// All policies that are there.
    pub(super) fn policies(&self) -> Result<Vec<PolicyState>, Problem> {
        let of_modules = self.0.module_policies().unwrap_or_default();
        let dir = self.0.policies();
        let of_modules = of_modules.into_iter().filter_map(|path| {
            let module = path.strip_prefix(&dir).ok()?.with_extension("");
            Some((Some(module.to_str()?.to_owned()), path))
        });
        let all = std::iter::once((None, self.default_policy())).chain(of_modules);
        Ok(all.map(|(module, path)| state(module, &path)).collect())
    }

    pub(super) fn grant(&self, grant: &Grant) -> Result<(PolicyState, Vec<String>), Problem> {
        let path = self.policy(grant.module.as_deref())?;
        let before = match (path.exists(), &grant.module) {
            (true, _) => read(&path)?,
            // A policy of its own takes the place of the other one: what that grants goes on.
            (false, Some(_)) => read(&self.default_policy())?,
            (false, None) => String::new(),
        };
        let lasting = grant.lasting.map(Duration::from_secs);
        let edited = edit::granted(&before, &grant.lines, lasting, "the policy");
        let edited = edited.map_err(|error| Problem::new(Code::Invalid, error.to_string()))?;
        write(&path, &edited.text)?;
        Ok((state(grant.module.clone(), &path), edited.lines))
    }

    pub(super) fn revoke(
        &self,
        module: Option<&str>,
        capability: &str,
    ) -> Result<(PolicyState, Vec<String>), Problem> {
        let known = Capability::from_name(capability).ok_or_else(|| {
            let all = Capability::all_names();
            Problem::new(Code::NotFound, format!("a capability is one of {all}"))
        })?;
        let path = self.policy(module)?;
        if !path.exists() {
            let problem = "this module has no policy of its own; what it is granted is in the one of all modules";
            return Err(Problem::new(Code::NotFound, problem));
        }
        let edited = edit::revoked(&read(&path)?, known, "the policy");
        let edited = edited.map_err(|error| Problem::new(Code::Invalid, error.to_string()))?;
        write(&path, &edited.text)?;
        Ok((state(module.map(str::to_owned), &path), edited.lines))
    }
}

fn state(module: Option<String>, path: &Path) -> PolicyState {
    match Policy::load(path) {
        Ok(policy) => PolicyState {
            module,
            problem: None,
            grants: policy.lines().into_iter().map(granted).collect(),
        },
        Err(error) => PolicyState {
            module,
            problem: Some(error.public().to_owned()),
            grants: Vec::new(),
        },
    }
}

/// A line of a policy begins with its capability.
fn granted(line: String) -> Granted {
    let capability = line.split(':').next().unwrap_or_default().to_owned();
    let rest = line.strip_prefix(&capability).unwrap_or_default();
    Granted {
        line: rest.trim_start_matches([':', ' ']).to_owned(),
        capability,
    }
}

fn read(path: &Path) -> Result<String, Problem> {
    files::read_text(path, "policy", MAX_POLICY_BYTES).map_err(|error| of_host(&error))
}

fn write(path: &Path, text: &str) -> Result<(), Problem> {
    files::write(path, text.as_bytes()).map_err(|error| of_host(&error))
}

/// What is wrong with the machine is the operator's to read in the log.
pub(super) fn of_host(error: &dyn std::error::Error) -> Problem {
    tracing::error!("{error}");
    Problem::new(Code::Internal, "the host could not do it; its log says why")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(module: Option<&str>, lines: &str) -> Grant {
        Grant {
            module: module.map(str::to_owned),
            lines: lines.to_owned(),
            lasting: None,
        }
    }

    #[test]
    fn what_is_granted_is_in_the_policy_until_it_is_taken_away() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::of(root.path(), "lab");
        folder.make().unwrap();
        make(&root.path().join("lab/policies")).unwrap();
        folder.grant(&grant(None, "clocks = true")).unwrap();
        let http = "[[http]]\nhost = \"a.example\"\nmethods = [\"GET\"]";
        let (state, lines) = folder.grant(&grant(Some("m"), http)).unwrap();
        assert_eq!(lines.len(), 1);
        let names = |state: &PolicyState| -> Vec<_> {
            let grants = state.grants.iter();
            grants.map(|grant| grant.capability.clone()).collect()
        };
        // What it had by the policy of all modules, it has still.
        assert_eq!(names(&state), ["clocks", "http"]);
        assert_eq!(folder.policies().unwrap().len(), 2);
        let (state, _) = folder.revoke(Some("m"), "http").unwrap();
        assert_eq!(names(&state), ["clocks"]);
        for bad in ["../lab", "", "/etc/x", ".x", "a/../../b"] {
            folder.grant(&grant(Some(bad), http)).unwrap_err();
        }
        folder.grant(&grant(None, "nonsense")).unwrap_err();
        folder.revoke(None, "teleport").unwrap_err();
        folder.erase().unwrap();
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    }
}
