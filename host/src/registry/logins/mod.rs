//! Logins for registries, as docker, podman and their like keep them: in files, with helpers that keep
//! them elsewhere, and in variables. A login is for one registry, and is given to no other.

mod file;
mod helper;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

#[cfg(feature = "cli")]
pub(crate) use self::file::write_private;

use self::file::LoginFile;
use super::RegistryName;

/// The registry that [`USER_VARIABLE`] and [`PASSWORD_VARIABLE`] are for.
const REGISTRY_VARIABLE: &str = "EWH_REGISTRY";
/// The user, where the login is in variables.
const USER_VARIABLE: &str = "EWH_REGISTRY_USERNAME";
/// The password, or a token in its place.
const PASSWORD_VARIABLE: &str = "EWH_REGISTRY_PASSWORD";
/// What would be in docker's file.
const TEXT_VARIABLE: &str = "DOCKER_AUTH_CONFIG";
/// The file of podman and its like, wherever it is.
const FILE_VARIABLE: &str = "REGISTRY_AUTH_FILE";
/// Docker's directory.
const DOCKER_VARIABLE: &str = "DOCKER_CONFIG";

/// The variables that logins are in: what runs strangers' code has no use for them.
pub const SECRET_VARIABLES: [&str; 2] = [PASSWORD_VARIABLE, TEXT_VARIABLE];

/// Who asks.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// Somebody with a password, or a token in its place.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
    /// Somebody with a token that is exchanged for others.
    Identity(String),
}

/// Where logins are looked for. The default has none.
#[derive(Clone, Default)]
pub struct Logins(Vec<Source>);

#[derive(Clone)]
enum Source {
    /// For whatever registry is asked.
    Given(Login),
    /// For this one.
    Variables(RegistryName, Login),
    /// The content of a file, in a variable.
    Text(String),
    File(PathBuf),
}

/// Where a login was kept.
#[derive(Debug, PartialEq, Eq)]
pub enum Kept {
    /// In a file, as it is.
    File(PathBuf),
    /// With a credential helper.
    Helper(String),
}

/// Why a login is not found or kept. No password is in it.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// A file of logins cannot be read or written.
    #[error("the logins in {path} cannot be {action}: {source}", path = path.display())]
    File {
        /// What was tried: "read" or "written".
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file of logins is not what docker would write.
    #[error("the logins in {place} cannot be used: {problem}")]
    Broken {
        /// Which file, or which variable.
        place: String,
        /// What is wrong.
        problem: String,
    },
    /// A credential helper failed.
    #[error("the credential helper docker-credential-{helper} {problem}")]
    Helper {
        /// Which.
        helper: String,
        /// What went wrong.
        problem: String,
    },
    /// Variables contradict each other.
    #[error("{0}")]
    Variables(String),
    /// There is no home to keep a login in.
    #[error("there is no home directory; name a directory for logins with DOCKER_CONFIG=DIR")]
    NoHome,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

impl fmt::Debug for Logins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logins").finish_non_exhaustive()
    }
}

impl Logins {
    /// One login, for whatever registry is asked.
    pub fn given(login: Login) -> Self {
        Self(vec![Source::Given(login)])
    }

    /// Those of the user of this process. In this order: the variables `EWH_REGISTRY`,
    /// `EWH_REGISTRY_USERNAME` and `EWH_REGISTRY_PASSWORD`; what `DOCKER_AUTH_CONFIG` has in it; the file
    /// that `REGISTRY_AUTH_FILE` names; docker's `config.json`; podman's `auth.json`.
    ///
    /// # Errors
    /// When a login in variables is not whole, or does not say what it is for.
    pub fn of_environment() -> Result<Self, LoginError> {
        Self::of(&|name| std::env::var_os(name))
    }

    fn of(env: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, LoginError> {
        let text = |name: &str| {
            let value = env(name).filter(|value| !value.is_empty())?;
            Some(value.to_string_lossy().into_owned())
        };
        let mut sources = Vec::new();
        let variables = [REGISTRY_VARIABLE, USER_VARIABLE, PASSWORD_VARIABLE];
        match variables.map(text) {
            [None, None, None] => {}
            [Some(registry), Some(user), Some(password)] => {
                let registry = registry.parse().map_err(|problem| {
                    LoginError::Variables(format!("{REGISTRY_VARIABLE}: {problem}"))
                })?;
                let login = Login::Password { user, password };
                sources.push(Source::Variables(registry, login));
            }
            _ => {
                let all = variables.join(", ");
                return Err(LoginError::Variables(format!(
                    "a login in variables takes all of {all}: it is for that one registry only"
                )));
            }
        }
        sources.extend(text(TEXT_VARIABLE).map(Source::Text));
        let places = Places { env };
        sources.extend(places.all().into_iter().map(Source::File));
        Ok(Self(sources))
    }

    /// The files of those of the user of this process, whether they are there or not.
    pub fn files() -> Vec<PathBuf> {
        let env = |name: &str| std::env::var_os(name);
        Places { env: &env }.all()
    }

    /// The login for a registry, and for a repository in it, since some files have several.
    ///
    /// # Errors
    /// When a place that may have it cannot be read, or a helper fails.
    pub async fn find(
        &self,
        registry: &RegistryName,
        repository: &str,
    ) -> Result<Option<Login>, LoginError> {
        for source in &self.0 {
            let found = match source {
                Source::Given(login) => Some(login.clone()),
                Source::Variables(of, login) => (of == registry).then(|| login.clone()),
                Source::Text(text) => {
                    let file = LoginFile::parse(text.as_bytes(), TEXT_VARIABLE)?;
                    file.find(registry, repository).await?
                }
                Source::File(path) => match LoginFile::read(path)? {
                    Some(file) => file.find(registry, repository).await?,
                    None => None,
                },
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Keeps a login for a registry where docker would: with the helper that its file names, or in the
    /// file.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub async fn keep(registry: &RegistryName, login: &Login) -> Result<Kept, LoginError> {
        let path = kept_in()?;
        let file = LoginFile::read(&path)?.unwrap_or_else(|| LoginFile::new(&path));
        file.keep(&path, registry, login).await
    }

    /// Forgets the login for a registry there, and says whether there was one.
    ///
    /// # Errors
    /// When it cannot be forgotten.
    pub async fn forget(registry: &RegistryName) -> Result<bool, LoginError> {
        let path = kept_in()?;
        match LoginFile::read(&path)? {
            Some(file) => file.forget(&path, registry).await,
            None => Ok(false),
        }
    }
}

/// Where a new login is kept.
fn kept_in() -> Result<PathBuf, LoginError> {
    let env = |name: &str| std::env::var_os(name);
    let places = Places { env: &env };
    places.first().ok_or(LoginError::NoHome)
}

/// Where files of logins are.
struct Places<'a> {
    env: &'a dyn Fn(&str) -> Option<OsString>,
}

impl Places<'_> {
    /// All of them, in the order in which they are looked into.
    fn all(&self) -> Vec<PathBuf> {
        let podman = Path::new("containers/auth.json");
        let configuration = self
            .dir("XDG_CONFIG_HOME")
            .or_else(|| self.below_home(".config"));
        let places = [
            self.dir(FILE_VARIABLE),
            self.docker(),
            self.dir("XDG_RUNTIME_DIR").map(|dir| dir.join(podman)),
            configuration.map(|dir| dir.join(podman)),
        ];
        places.into_iter().flatten().collect()
    }

    /// The one that is written.
    fn first(&self) -> Option<PathBuf> {
        self.dir(FILE_VARIABLE).or_else(|| self.docker())
    }

    fn docker(&self) -> Option<PathBuf> {
        let dir = self.dir(DOCKER_VARIABLE);
        let dir = dir.or_else(|| self.below_home(".docker"))?;
        Some(dir.join("config.json"))
    }

    fn below_home(&self, name: &str) -> Option<PathBuf> {
        Some(self.dir("HOME")?.join(name))
    }

    fn dir(&self, name: &str) -> Option<PathBuf> {
        (self.env)(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment<'a>(
        variables: &'a [(&'a str, &'a str)],
    ) -> impl Fn(&str) -> Option<OsString> + 'a {
        |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        }
    }

    #[test]
    fn a_login_in_variables_is_for_the_registry_that_it_names() {
        let all = [
            ("EWH_REGISTRY", "registry.example"),
            ("EWH_REGISTRY_USERNAME", "me"),
            ("EWH_REGISTRY_PASSWORD", "s3cr3t"),
        ];
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let logins = Logins::of(&environment(&all)).unwrap();
        let find = |name: &str| {
            runtime
                .block_on(logins.find(&name.parse().unwrap(), "a"))
                .unwrap()
        };
        let login = find("registry.example").unwrap();
        assert!(matches!(&login, Login::Password { user, .. } if user == "me"));
        assert_eq!(find("registry.example:5000"), None);
        assert_eq!(find("evil.example"), None);
        for shown in [format!("{login:?}"), format!("{logins:?}")] {
            assert!(!shown.contains("s3cr3t"), "{shown}");
        }
        for missing in 0..all.len() {
            let mut some = all.to_vec();
            some.remove(missing);
            let problem = Logins::of(&environment(&some)).unwrap_err().to_string();
            assert!(
                problem.contains("takes all of") && !problem.contains("s3cr3t"),
                "{problem}"
            );
        }
    }

    #[test]
    fn files_are_looked_for_where_docker_and_podman_have_them() {
        let all = |variables: &[(&str, &str)]| {
            let env = environment(variables);
            let places = Places { env: &env };
            let all = places.all();
            assert_eq!(
                all.first().cloned(),
                places.first().or_else(|| all.first().cloned())
            );
            all.iter()
                .map(|path| path.to_string_lossy().into_owned())
                .collect::<Vec<_>>()
        };
        let home = ("HOME", "/home/me");
        assert_eq!(
            all(&[home]),
            [
                "/home/me/.docker/config.json",
                "/home/me/.config/containers/auth.json"
            ]
        );
        assert_eq!(
            all(&[
                home,
                ("DOCKER_CONFIG", "/d"),
                ("REGISTRY_AUTH_FILE", "/r.json"),
                ("XDG_RUNTIME_DIR", "/run/me"),
                ("XDG_CONFIG_HOME", "/c"),
            ]),
            [
                "/r.json",
                "/d/config.json",
                "/run/me/containers/auth.json",
                "/c/containers/auth.json"
            ]
        );
        assert!(all(&[("HOME", "")]).is_empty());
    }
}
