//! What the modules of a Worker may do now. Policies are read anew at each look and compared by what
//! they say: what an operator takes away is gone, however the file was written.
//!
//! A policy lies beside the modules and not in them: `policies/<module>.toml` is the operator's, and
//! what a package asks for is only a request. A policy that cannot be read is neither an empty one nor
//! the one before it. It is refused, since what was granted before may be just what was to be taken
//! away.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::DataDir;
use crate::policy::{Guarded, Policy, PolicyError};

/// The policy of modules that have none of their own.
#[derive(Debug, Clone)]
pub struct DefaultPolicy {
    from: Source,
    guarded: Guarded,
}

#[derive(Debug, Clone)]
enum Source {
    Fixed(Box<Policy>),
    File(PathBuf),
}

impl DefaultPolicy {
    /// The policy in a file, as it is at each look; modules' own and this one are held against what
    /// belongs to the host.
    pub fn file(path: PathBuf, guarded: Guarded) -> Self {
        let from = Source::File(path);
        Self { from, guarded }
    }

    /// A policy that stays, beside what belongs to the host.
    pub fn fixed(policy: Policy, guarded: Guarded) -> Self {
        let from = Source::Fixed(Box::new(policy));
        Self { from, guarded }
    }
}

/// Of a host that has nothing but this Worker.
impl From<Policy> for DefaultPolicy {
    fn from(policy: Policy) -> Self {
        Self::fixed(policy, Guarded::default())
    }
}

/// What a policy says of a module.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ruling {
    /// What it grants.
    Says(Arc<Policy>),
    /// Nothing: it cannot be read, is wrong, or grants what belongs to the host. What was granted
    /// before it came to that may be just what was to be taken away.
    Refused {
        /// For a client.
        public: String,
        /// For the operator.
        inner: String,
    },
}

impl Ruling {
    /// The policy.
    ///
    /// # Errors
    /// Why there is none, for a client.
    pub(super) fn policy(&self) -> Result<&Policy, String> {
        match self {
            Self::Says(policy) => Ok(policy),
            Self::Refused { public, .. } => Err(public.clone()),
        }
    }

    /// Tells the operator why there is no policy, if so.
    pub(super) fn log(&self) {
        if let Self::Refused { inner, .. } = self {
            tracing::error!("{inner}");
        }
    }
}

impl From<PolicyError> for Ruling {
    fn from(error: PolicyError) -> Self {
        Self::Refused {
            public: error.public().to_owned(),
            inner: error.to_string(),
        }
    }
}

/// Where the policies of a Worker's modules are.
#[derive(Debug)]
pub(super) struct Rules {
    policies: PathBuf,
    default: Source,
    guarded: Guarded,
}

impl Rules {
    /// Those of the Worker in `places`; what is there is guarded from now on.
    pub(super) fn new(data_dir: &DataDir, default: DefaultPolicy) -> Self {
        let DefaultPolicy { from, guarded } = default;
        data_dir.guard(&guarded);
        if let Source::File(path) = &from {
            guarded.keep(path, "a policy of this host");
        }
        Self {
            policies: data_dir.policies(),
            default: from,
            guarded: guarded.but(&data_dir.files()),
        }
    }

    /// What belongs to the host.
    pub(super) fn guarded(&self) -> &Guarded {
        &self.guarded
    }

    /// The file with the policy of modules that have none of their own, if it is in a file.
    pub(super) fn default_file(&self) -> Option<&Path> {
        match &self.default {
            Source::File(path) => Some(path),
            Source::Fixed(_) => None,
        }
    }

    /// What `module` may do now. Reads its policy: blocks.
    pub(super) fn of(&self, module: &str) -> Ruling {
        let read = self.own(module).and_then(|own| match own {
            Some(own) => Ok(own),
            None => self.by_default(),
        });
        read.map_or_else(Ruling::from, |policy| Ruling::Says(Arc::new(policy)))
    }

    /// The policy of its own, if it has one.
    fn own(&self, module: &str) -> Result<Option<Policy>, PolicyError> {
        let file = PathBuf::from(format!("{module}.toml"));
        let is_plain = |part| matches!(part, Component::Normal(_));
        if !file.components().all(is_plain) {
            // Not the name of a module: there can be no policy of it.
            return Ok(None);
        }
        let path = self.policies.join(file);
        match self.load(&path) {
            // A link that leads nowhere is there.
            Err(PolicyError::Unreadable { source, .. })
                if source.kind() == io::ErrorKind::NotFound
                    && path
                        .symlink_metadata()
                        .is_err_and(|it| it.kind() == source.kind()) =>
            {
                self.has_policies().map(|()| None)
            }
            loaded => loaded.map(Some),
        }
    }

    /// Where there is no directory of policies, none of them was taken away: it cannot be read.
    fn has_policies(&self) -> Result<(), PolicyError> {
        let looked = std::fs::read_dir(&self.policies);
        looked.map(drop).map_err(|source| PolicyError::Unreadable {
            path: self.policies.clone(),
            source,
        })
    }

    fn by_default(&self) -> Result<Policy, PolicyError> {
        match &self.default {
            Source::Fixed(policy) => {
                let policy = Policy::clone(policy).at(SystemTime::now());
                policy.beside(Path::new("of the host"), &self.guarded)
            }
            Source::File(path) => match self.load(path) {
                // As if it were empty, like that of a module.
                Err(PolicyError::Unreadable { source, .. })
                    if source.kind() == io::ErrorKind::NotFound
                        && path.parent().is_some_and(Path::is_dir) =>
                {
                    Policy::default().beside(path, &self.guarded)
                }
                loaded => loaded,
            },
        }
    }

    fn load(&self, path: &Path) -> Result<Policy, PolicyError> {
        Policy::load_beside(path, &self.guarded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(rules: &Rules, module: &str) -> Result<bool, String> {
        rules.of(module).policy().map(|policy| policy.clocks.0)
    }

    fn rules(dir: &Path) -> Rules {
        let data_dir = DataDir {
            data: dir.join("worker"),
        };
        data_dir.make().unwrap();
        let default = DefaultPolicy::file(dir.join("default.toml"), Guarded::default());
        Rules::new(&data_dir, default)
    }

    #[test]
    fn what_cannot_be_read_is_neither_empty_nor_the_default() {
        let dir = tempfile::tempdir().unwrap();
        let rules = rules(dir.path());
        let policies = dir.path().join("worker/policies");
        assert_eq!(says(&rules, "m"), Ok(false), "no default, nothing granted");
        std::fs::write(dir.path().join("default.toml"), "clocks = true\n").unwrap();
        assert_eq!(says(&rules, "m"), Ok(true), "the default");
        let own = policies.join("m.toml");
        std::fs::write(&own, "").unwrap();
        assert_eq!(says(&rules, "m"), Ok(false), "its own");
        std::fs::write(&own, "clocks = maybe\n").unwrap();
        assert!(says(&rules, "m").unwrap_err().contains("wrong"));
        std::fs::remove_file(&own).unwrap();
        assert_eq!(says(&rules, "m"), Ok(true), "the default again");
        // Each of these hides what the operator wrote.
        std::os::unix::fs::symlink("nowhere", &own).unwrap();
        assert!(says(&rules, "m").unwrap_err().contains("cannot be read"));
        std::fs::remove_file(&own).unwrap();
        std::fs::create_dir(&own).unwrap();
        assert!(says(&rules, "m").is_err());
        std::fs::remove_dir(&own).unwrap();
        std::fs::write(&own, [b'#', 0xdc]).unwrap();
        assert!(says(&rules, "m").is_err());
        std::fs::remove_file(&own).unwrap();
        std::fs::rename(&policies, dir.path().join("worker/elsewhere")).unwrap();
        assert!(says(&rules, "m").unwrap_err().contains("cannot be read"));
    }

    #[test]
    fn no_policy_grants_what_belongs_to_the_worker() {
        let dir = tempfile::tempdir().unwrap();
        let rules = rules(dir.path());
        let own = dir.path().join("worker/policies/m.toml");
        let grant = |place: &str| {
            let place = dir.path().join(place);
            let place = place.display();
            let policy = format!("[[files]]\nhost = \"{place}\"\nguest = \"/in\"\n");
            std::fs::write(&own, policy).unwrap();
            rules.of("m")
        };
        for place in ["", "worker", "worker/policies", "worker/files/.."] {
            let Ruling::Refused { public, inner } = grant(place) else {
                panic!("{place} is granted")
            };
            let here = dir.path().to_str().unwrap();
            assert!(inner.contains("`/in`") && inner.contains(here), "{inner}");
            assert!(!public.contains(here), "{public}");
        }
        assert!(matches!(grant("worker/files"), Ruling::Says(_)));
        assert!(matches!(grant("elsewhere"), Ruling::Says(_)));
    }

    #[test]
    fn a_name_leads_to_no_other_policy() {
        let dir = tempfile::tempdir().unwrap();
        let rules = rules(dir.path());
        std::fs::write(dir.path().join("else.toml"), "clocks = true\n").unwrap();
        for name in ["../../else", "/else", "a/../../../else"] {
            assert_eq!(says(&rules, name), Ok(false), "{name}");
        }
    }
}
