//! A file of logins: docker's `config.json`, or podman's `auth.json`, which is the same and also has
//! logins for parts of a registry. What is in it that is of no concern here stays as it is.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use data_encoding::{BASE64, BASE64_NOPAD};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::super::RegistryName;
use super::{Kept, Login, LoginError, helper};
use crate::limits::MAX_LOGINS_BYTES;

/// A file of logins, as it was read.
pub(super) struct LoginFile {
    place: String,
    known: Known,
    whole: Map<String, Json>,
}

/// What of it is understood.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Known {
    #[serde(default)]
    auths: Option<BTreeMap<String, Entry>>,
    #[serde(default)]
    cred_helpers: Option<BTreeMap<String, String>>,
    #[serde(default)]
    creds_store: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
struct Entry {
    #[serde(default)]
    auth: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    identitytoken: Option<String>,
}

impl LoginFile {
    /// One that is yet to be written.
    pub(super) fn new(path: &Path) -> Self {
        Self {
            place: path.display().to_string(),
            known: Known::default(),
            whole: Map::new(),
        }
    }

    /// The file at `path`, if there is one.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, LoginError> {
        let failed = |source| LoginError::File {
            action: "read",
            path: path.to_owned(),
            source,
        };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut content = Vec::new();
        let limited = file.take(MAX_LOGINS_BYTES + 1).read_to_end(&mut content);
        limited.map_err(failed)?;
        Self::parse(&content, &path.display().to_string()).map(Some)
    }

    /// Reads what is in a file; `place` says which, for errors.
    pub(super) fn parse(content: &[u8], place: &str) -> Result<Self, LoginError> {
        let broken = |problem: String| LoginError::Broken {
            place: place.to_owned(),
            problem,
        };
        if content.len() as u64 > MAX_LOGINS_BYTES {
            return Err(broken(format!("it has more than {MAX_LOGINS_BYTES} bytes")));
        }
        // Not in the parser's words: they quote what they found.
        let wrong = |error: serde_json::Error| {
            let (line, column) = (error.line(), error.column());
            broken(format!("it is wrong in line {line}, column {column}"))
        };
        let whole: Map<String, Json> = match content.trim_ascii() {
            [] => Map::new(),
            content => serde_json::from_slice(content).map_err(wrong)?,
        };
        let known = Known::deserialize(Json::Object(whole.clone())).map_err(|_| {
            broken("its `auths`, `credHelpers` or `credsStore` is wrong".to_owned())
        })?;
        Ok(Self {
            place: place.to_owned(),
            known,
            whole,
        })
    }

    /// The login for a registry, the one for the nearest part of it first.
    pub(super) async fn find(
        &self,
        registry: &RegistryName,
        repository: &str,
    ) -> Result<Option<Login>, LoginError> {
        let wanted = nearest_first(registry, repository);
        if let Some(helper) = self.helper(&wanted)
            && let Some(login) = helper::get(helper, registry.login_key()).await?
        {
            return Ok(Some(login));
        }
        let Some(entry) = self.entry(&wanted) else {
            return Ok(None);
        };
        let login = entry.login().map_err(|problem| LoginError::Broken {
            place: self.place.clone(),
            problem: format!("the login for {registry} {problem}"),
        })?;
        Ok(login)
    }

    /// Keeps a login with the file's helper, or in the file at `path`.
    pub(super) async fn keep(
        mut self,
        path: &Path,
        registry: &RegistryName,
        login: &Login,
    ) -> Result<Kept, LoginError> {
        let key = registry.login_key();
        if let Some(helper) = self.helper(&[registry.as_str().to_owned()]).cloned() {
            helper::store(&helper, key, login).await?;
            return Ok(Kept::Helper(helper));
        }
        let entry = match login {
            Login::Password { user, password } => {
                json!({ "auth": BASE64.encode(format!("{user}:{password}").as_bytes()) })
            }
            Login::Identity(token) => json!({ "identitytoken": token }),
        };
        self.remove(registry);
        let auths = self.whole.entry("auths").or_insert_with(|| json!({}));
        match auths.as_object_mut() {
            Some(auths) => {
                auths.insert(key.to_owned(), entry);
            }
            None => *auths = json!({ key: entry }),
        }
        self.write(path)?;
        Ok(Kept::File(path.to_owned()))
    }

    /// Forgets the login for a registry, with the helper and in the file.
    pub(super) async fn forget(
        mut self,
        path: &Path,
        registry: &RegistryName,
    ) -> Result<bool, LoginError> {
        let mut had = false;
        if let Some(helper) = self.helper(&[registry.as_str().to_owned()]) {
            had = helper::erase(helper, registry.login_key()).await?;
        }
        if self.remove(registry) {
            self.write(path)?;
            had = true;
        }
        Ok(had)
    }

    fn helper(&self, wanted: &[String]) -> Option<&String> {
        let helpers = self.known.cred_helpers.iter().flatten();
        let of_registry = nearest(helpers, wanted);
        let helper = of_registry.or(self.known.creds_store.as_ref())?;
        (!helper.is_empty()).then_some(helper)
    }

    fn entry(&self, wanted: &[String]) -> Option<&Entry> {
        nearest(self.known.auths.iter().flatten(), wanted)
    }

    /// Takes every spelling of a registry out.
    fn remove(&mut self, registry: &RegistryName) -> bool {
        let auths = self.whole.get_mut("auths").and_then(Json::as_object_mut);
        let Some(auths) = auths else {
            return false;
        };
        let before = auths.len();
        auths.retain(|key, _| normal_key(key) != registry.as_str());
        auths.len() < before
    }

    /// Puts it in place in one step, for its owner only. Where the file is a link, that stays one.
    fn write(&self, path: &Path) -> Result<(), LoginError> {
        let failed = |source| LoginError::File {
            action: "written",
            path: path.to_owned(),
            source,
        };
        let mut json = serde_json::to_vec_pretty(&self.whole)
            .map_err(|error| failed(io::Error::other(error)))?;
        json.push(b'\n');
        write_private(path, &json).map_err(failed)
    }
}

fn is_missing(error: &io::Error) -> bool {
    let missing = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory];
    missing.contains(&error.kind())
}

/// Puts `content` in place in one step, for its owner only, in a directory that is made if it is not there. Where the
/// file is a link, that stays one.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let dir = path.parent().filter(|dir| *dir != Path::new(""));
    let dir = dir.map_or_else(|| PathBuf::from("."), Path::to_owned);
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&dir)?;
    // Readable by its owner only, from the first byte on.
    let mut aside = tempfile::NamedTempFile::new_in(&dir)?;
    aside.write_all(content)?;
    aside.as_file().sync_all()?;
    aside.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// What may stand for a repository, the nearest first: `registry/team/worker`, `registry/team`,
/// `registry`.
fn nearest_first(registry: &RegistryName, repository: &str) -> Vec<String> {
    let mut all = vec![registry.as_str().to_owned()];
    let mut known = registry.as_str().to_owned();
    for part in repository.split('/').filter(|part| !part.is_empty()) {
        known = format!("{known}/{part}");
        all.push(known.clone());
    }
    all.reverse();
    all
}

fn nearest<'a, T: 'a>(
    entries: impl Iterator<Item = (&'a String, &'a T)> + Clone,
    wanted: &[String],
) -> Option<&'a T> {
    wanted.iter().find_map(|wanted| {
        let mut entries = entries.clone();
        let found = entries.find(|(key, _)| normal_key(key) == *wanted);
        found.map(|(_, value)| value)
    })
}

/// A key as references begin: without the scheme and the version of the protocol that older tools wrote.
fn normal_key(key: &str) -> String {
    let key = key.trim_end_matches('/');
    let schemeless = key.strip_prefix("https://");
    let schemeless = schemeless.or_else(|| key.strip_prefix("http://"));
    let bare = match schemeless {
        // A path is that of the protocol.
        Some(rest) => rest.split('/').next().unwrap_or_default(),
        None => key
            .strip_suffix("/v1")
            .or_else(|| key.strip_suffix("/v2"))
            .unwrap_or(key),
    };
    let (host, rest) = bare.split_at(bare.find('/').unwrap_or(bare.len()));
    match host.parse::<RegistryName>() {
        Ok(registry) => format!("{registry}{rest}"),
        Err(_) => bare.to_owned(),
    }
}

impl Entry {
    /// The login in it; with a helper's, entries are empty.
    fn login(&self) -> Result<Option<Login>, &'static str> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = given(&self.identitytoken) {
            return Ok(Some(Login::Identity(token)));
        }
        if let Some(auth) = given(&self.auth) {
            return decode(&auth).map(Some);
        }
        Ok(match (given(&self.username), given(&self.password)) {
            (Some(user), Some(password)) => Some(Login::Password { user, password }),
            _ => None,
        })
    }
}

fn decode(auth: &str) -> Result<Login, &'static str> {
    let bare = auth.trim_end_matches('=');
    let bytes = BASE64_NOPAD.decode(bare.as_bytes());
    let bytes = bytes.map_err(|_| "is not written in Base64")?;
    let text = String::from_utf8(bytes).map_err(|_| "is not text")?;
    let (user, password) = text.split_once(':').ok_or("has no password")?;
    Ok(Login::Password {
        user: user.to_owned(),
        password: password.trim_end_matches('\0').to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(file: &Json, reference: &str) -> Option<Login> {
        let file = LoginFile::parse(file.to_string().as_bytes(), "test").unwrap();
        let (registry, repository) = reference.split_once('/').unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let registry = registry.parse().unwrap();
        runtime.block_on(file.find(&registry, repository)).unwrap()
    }

    fn password(user: &str, password: &str) -> Option<Login> {
        let (user, password) = (user.to_owned(), password.to_owned());
        Some(Login::Password { user, password })
    }

    #[test]
    fn logins_are_found_as_docker_and_podman_write_them() {
        // "me:s3:cr3t"
        let auth = json!({"auth": "bWU6czM6Y3IzdA=="});
        let unpadded = json!({"auth": "bWU6czM6Y3IzdA"});
        let plain = json!({"username": "me", "password": "s3:cr3t"});
        for entry in [auth.clone(), unpadded, plain] {
            for key in [
                "registry.example",
                "https://registry.example",
                "http://registry.example/v2/",
                "https://registry.example/v1/",
                "registry.example/v2/",
                "Registry.Example",
            ] {
                let file = json!({"auths": {key: entry, "other.example": {"auth": "eDp5"}}});
                let found = find(&file, "registry.example/team/worker");
                assert_eq!(found, password("me", "s3:cr3t"), "{key}");
                assert_eq!(find(&file, "registry.example:5000/a"), None);
                assert_eq!(find(&file, "registry.example.evil.example/a"), None);
                assert_eq!(find(&file, "evil.example/registry.example"), None);
            }
        }
        let hub = json!({"auths": {"https://index.docker.io/v1/": auth}});
        for name in [
            "docker.io/library/a",
            "index.docker.io/a",
            "registry-1.docker.io/a",
        ] {
            assert_eq!(find(&hub, name), password("me", "s3:cr3t"), "{name}");
        }
        let token = json!({"auths": {"r.example": {"auth": "bWU6", "identitytoken": "t0ken"}}});
        let identity = Some(Login::Identity("t0ken".to_owned()));
        assert_eq!(find(&token, "r.example/a"), identity);
        let parts = json!({"auths": {
            "r.example": {"auth": "YTpi"},
            "r.example/team": {"auth": "Yzpk"},
            "r.example/team/worker": {"auth": "ZTpm"},
        }});
        assert_eq!(find(&parts, "r.example/other"), password("a", "b"));
        assert_eq!(find(&parts, "r.example/team/other"), password("c", "d"));
        assert_eq!(find(&parts, "r.example/team/worker"), password("e", "f"));
        assert_eq!(find(&parts, "r.example/teamwork"), password("a", "b"));
        for nothing in [
            json!({}),
            json!({"auths": null}),
            json!({"auths": {"r.example": {}}}),
        ] {
            assert_eq!(find(&nothing, "r.example/a"), None);
        }
    }

    #[test]
    fn a_file_that_is_broken_is_said_to_be_without_a_word_of_what_is_in_it() {
        let oversized = " ".repeat(2 << 20);
        for broken in ["{", "[]", "s3cr3t", r#"{"auths": "s3cr3t"}"#, &oversized] {
            let problem = LoginFile::parse(broken.as_bytes(), "here").err().unwrap();
            let problem = problem.to_string();
            assert!(
                problem.contains("here") && !problem.contains("s3cr3t"),
                "{problem}"
            );
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        for auth in ["s3cr3t!", "czNjcjN0", "/w=="] {
            let file = json!({"auths": {"r.example": {"auth": auth}}}).to_string();
            let file = LoginFile::parse(file.as_bytes(), "here").unwrap();
            let found = runtime.block_on(file.find(&"r.example".parse().unwrap(), "a"));
            let problem = found.unwrap_err().to_string();
            assert!(
                problem.contains("r.example") && !problem.contains("s3cr3t"),
                "{problem}"
            );
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_login_is_kept_for_its_owner_only_and_the_rest_of_the_file_stays() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join("real.json");
        let path = dir.path().join("config.json");
        let before = json!({
            "HttpHeaders": {"x": "y"},
            "auths": {"https://r.example/v1/": {"auth": "b2xk"}, "other.example": {"auth": "eDp5"}},
        });
        fs::write(&real, before.to_string()).unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o644)).unwrap();
        symlink(&real, &path).unwrap();
        let registry: RegistryName = "r.example".parse().unwrap();
        let login = password("me", "s3:cr3t").unwrap();
        let file = LoginFile::read(&path).unwrap().unwrap();
        let kept = file.keep(&path, &registry, &login).await.unwrap();
        assert_eq!(kept, Kept::File(path.clone()));
        assert!(path.is_symlink());
        assert_eq!(real.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let after: Json = serde_json::from_slice(&fs::read(&real).unwrap()).unwrap();
        let auths =
            json!({"r.example": {"auth": "bWU6czM6Y3IzdA=="}, "other.example": {"auth": "eDp5"}});
        assert_eq!(after, json!({"HttpHeaders": {"x": "y"}, "auths": auths}));
        let read = || LoginFile::read(&path).unwrap().unwrap();
        assert_eq!(read().find(&registry, "a").await.unwrap(), Some(login));
        assert!(read().forget(&path, &registry).await.unwrap());
        assert!(!read().forget(&path, &registry).await.unwrap());
        assert_eq!(read().find(&registry, "a").await.unwrap(), None);
        assert!(
            LoginFile::read(&dir.path().join("none/config.json"))
                .unwrap()
                .is_none()
        );
    }
}
