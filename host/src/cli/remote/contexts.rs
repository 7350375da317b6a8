//! Which hosts the user operates, with the token for each: a file of the user's own configuration that nobody else
//! reads. In CI two variables are enough.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::route::Address;
use crate::cli::error::CliError;
use crate::error::HostError;
use crate::limits::{
    MAX_API_TOKEN_BYTES, MAX_CONTEXT_NAME_BYTES, MAX_CONTEXTS_BYTES, MAX_SHOWN_CHARS,
};
use crate::policy::nearest;
use crate::registry::write_private;
use crate::text;

/// Where the API is, without a context.
const ADDRESS_VARIABLE: &str = "EWH_API";
/// The token for it.
pub const TOKEN_VARIABLE: &str = "EWH_API_TOKEN";

/// All contexts, as they are kept.
#[derive(Default, Serialize, Deserialize)]
pub struct Contexts {
    /// The one that is used unless another is named.
    #[serde(default)]
    pub current: Option<String>,
    #[serde(default)]
    pub contexts: BTreeMap<String, Context>,
}

/// One host, and the token for it.
#[derive(Serialize, Deserialize)]
pub struct Context {
    pub url: String,
    token: String,
}

/// A host that can be asked.
pub struct Host {
    pub address: Address,
    pub token: String,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut host = f.debug_struct("Host");
        host.field("address", &self.address).finish_non_exhaustive()
    }
}

/// The file of contexts of the user of this process, whether it is there or not.
pub fn file() -> Option<PathBuf> {
    place(&|name| std::env::var_os(name))
}

fn place(env: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let dir = |name: &str| {
        let value = env(name).filter(|value| !value.is_empty())?;
        Some(PathBuf::from(value)).filter(|dir| dir.is_absolute())
    };
    let config = dir("XDG_CONFIG_HOME").or_else(|| Some(dir("HOME")?.join(".config")))?;
    Some(config.join("ewh/contexts.json"))
}

fn known_place() -> Result<PathBuf, CliError> {
    file().ok_or_else(|| {
        let problem = format!(
            "there is no home directory for contexts; name a directory with XDG_CONFIG_HOME=DIR, or set \
             {ADDRESS_VARIABLE} and {TOKEN_VARIABLE}"
        );
        CliError::Usage(problem)
    })
}

impl Contexts {
    /// The contexts that are kept.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn read() -> Result<Self, CliError> {
        Self::read_from(&known_place()?)
    }

    fn read_from(path: &Path) -> Result<Self, CliError> {
        let failed = |source| HostError::File {
            action: "read",
            path: path.to_owned(),
            source,
        };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(failed(error).into()),
        };
        let mut content = Vec::new();
        let read = file
            .take(MAX_CONTEXTS_BYTES.saturating_add(1))
            .read_to_end(&mut content);
        read.map_err(failed)?;
        let broken = |problem: String| {
            let shown = path.display();
            CliError::Usage(format!(
                "the contexts in {shown} cannot be used: {problem}; mend the file, or remove it and add the \
                 contexts again"
            ))
        };
        if content.len() as u64 > MAX_CONTEXTS_BYTES {
            return Err(broken(format!(
                "it has more than {MAX_CONTEXTS_BYTES} bytes"
            )));
        }
        // Not in the parser's words: they quote what they found.
        serde_json::from_slice(&content).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            broken(format!("it is wrong in line {line}, column {column}"))
        })
    }

    /// Keeps them, for their owner only, and says where.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&self) -> Result<PathBuf, CliError> {
        let path = known_place()?;
        self.write_to(&path)?;
        Ok(path)
    }

    fn write_to(&self, path: &Path) -> Result<(), CliError> {
        let failed = |source| HostError::File {
            action: "write",
            path: path.to_owned(),
            source,
        };
        let mut json = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        json.push(b'\n');
        Ok(write_private(path, &json).map_err(failed)?)
    }

    /// Adds a context, or puts it in the place of one of its name. The first is the current one.
    pub fn put(&mut self, name: &str, address: &Address, token: String) {
        let url = address.to_string();
        self.contexts
            .insert(name.to_owned(), Context { url, token });
        self.current.get_or_insert_with(|| name.to_owned());
    }

    /// Removes a context.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn remove(&mut self, name: &str) -> Result<(), CliError> {
        self.check(name)?;
        self.contexts.remove(name);
        self.current.take_if(|current| current == name);
        Ok(())
    }

    /// Whether there is a context of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn check(&self, name: &str) -> Result<(), CliError> {
        match self.contexts.contains_key(name) {
            true => Ok(()),
            false => Err(self.no_context(name)),
        }
    }

    fn no_context(&self, name: &str) -> CliError {
        let meant = nearest(name, self.contexts.keys().map(String::as_str));
        let meant = meant.map(|name| format!("; did you mean `{name}`?"));
        let shown = text::spelled(name, MAX_SHOWN_CHARS);
        CliError::Usage(format!(
            "there is no context `{shown}`; `ewh context list` shows all{}",
            meant.unwrap_or_default()
        ))
    }

    /// The host that `named` is for, or that the environment names, or that of the current context.
    ///
    /// # Errors
    /// When there is none.
    pub fn choose(named: Option<&str>) -> Result<Host, CliError> {
        if named.is_none()
            && let Some(host) = of_variables(&|name| std::env::var_os(name))?
        {
            return Ok(host);
        }
        Self::read()?.host(named)
    }

    fn host(mut self, named: Option<&str>) -> Result<Host, CliError> {
        let current = self.current.clone();
        let Some(name) = named.map(str::to_owned).or(current) else {
            let problem = if self.contexts.is_empty() {
                format!(
                    "no host is known; add one with `ewh context add NAME URL`, or set {ADDRESS_VARIABLE} and \
                     {TOKEN_VARIABLE}"
                )
            } else {
                "no context is the current one; choose one with `ewh context use NAME`".to_owned()
            };
            return Err(CliError::Usage(problem));
        };
        let Some(context) = self.contexts.remove(&name) else {
            return Err(self.no_context(&name));
        };
        let address = context.url.parse();
        Ok(Host {
            address: address.map_err(|problem| {
                CliError::Usage(format!("the address of the context `{name}`: {problem}"))
            })?,
            token: context.token,
        })
    }
}

/// The host that variables name, both of them or none.
fn of_variables(env: &dyn Fn(&str) -> Option<OsString>) -> Result<Option<Host>, CliError> {
    let text = |name: &str| {
        let value = env(name).filter(|value| !value.is_empty())?;
        Some(value.to_string_lossy().into_owned())
    };
    match (text(ADDRESS_VARIABLE), text(TOKEN_VARIABLE)) {
        (None, None) => Ok(None),
        (Some(address), Some(token)) => {
            let address = address.parse();
            let address = address
                .map_err(|problem| CliError::Usage(format!("{ADDRESS_VARIABLE}: {problem}")))?;
            let token = token_of(&token).map_err(|problem| {
                CliError::Usage(format!("the token in {TOKEN_VARIABLE} {problem}"))
            })?;
            Ok(Some(Host { address, token }))
        }
        _ => Err(CliError::Usage(format!(
            "a host in variables takes both {ADDRESS_VARIABLE} and {TOKEN_VARIABLE}: a token is for that one \
             host only"
        ))),
    }
}

/// The token in what was typed, or what is wrong with it.
pub fn token_of(typed: &str) -> Result<String, &'static str> {
    let token = typed.trim();
    if token.is_empty() {
        return Err("is empty");
    }
    if token.len() > MAX_API_TOKEN_BYTES {
        return Err("is too long");
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("has spaces or letters in it that no token has");
    }
    Ok(token.to_owned())
}

/// A name that can be typed.
pub fn name_of(name: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins_well && name.len() <= MAX_CONTEXT_NAME_BYTES && name.chars().all(is_plain) {
        return Ok(name.to_owned());
    }
    Err(format!(
        "use 1 to {MAX_CONTEXT_NAME_BYTES} letters, digits or `-_.`, with a letter or digit first"
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

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
    fn contexts_are_kept_for_their_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ewh/contexts.json");
        let mut contexts = Contexts::read_from(&path).unwrap();
        let address: Address = "https://a.example/".parse().unwrap();
        contexts.put("lab", &address, "s3cr3t".to_owned());
        contexts.put("other", &address, "another".to_owned());
        contexts.write_to(&path).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        let read = || Contexts::read_from(&path).unwrap();
        let host = read().host(None).unwrap();
        assert_eq!((host.address, &*host.token), (address, "s3cr3t"));
        assert_eq!(read().host(Some("other")).unwrap().token, "another");
        let problem = read().host(Some("othr")).unwrap_err().to_string();
        assert!(problem.contains("did you mean `other`?"), "{problem}");
        let mut contexts = read();
        contexts.remove("lab").unwrap();
        contexts.remove("lab").unwrap_err();
        let problem = contexts.host(None).unwrap_err().to_string();
        assert!(problem.contains("ewh context use"), "{problem}");
    }

    #[test]
    fn a_file_that_is_broken_is_said_to_be_without_a_word_of_what_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("contexts.json");
        for broken in [
            "{",
            "s3cr3t",
            r#"{"contexts": "s3cr3t"}"#,
            &" ".repeat(2 << 20),
        ] {
            std::fs::write(&path, broken).unwrap();
            let problem = Contexts::read_from(&path).err().unwrap().to_string();
            assert!(
                problem.contains("contexts.json") && !problem.contains("s3cr3t"),
                "{problem}"
            );
        }
    }

    #[test]
    fn variables_name_a_host_together_or_not_at_all() {
        let of = |variables: &[(&str, &str)]| of_variables(&environment(variables));
        assert!(of(&[(ADDRESS_VARIABLE, "")]).unwrap().is_none());
        let both = [
            (ADDRESS_VARIABLE, "http://[::1]:1"),
            (TOKEN_VARIABLE, "s3cr3t\n"),
        ];
        let host = of(&both).unwrap().unwrap();
        assert_eq!(host.token, "s3cr3t");
        assert!(!format!("{host:?}").contains("s3cr3t"));
        of(&both[..1]).unwrap_err();
        of(&both[1..]).unwrap_err();
        of(&[(ADDRESS_VARIABLE, "http://a.example"), both[1]]).unwrap_err();
        of(&[both[0], (TOKEN_VARIABLE, "s3 cr3t")]).unwrap_err();
    }

    #[test]
    fn the_file_is_where_configuration_is() {
        let place = |variables: &[(&str, &str)]| place(&environment(variables));
        let home = ("HOME", "/home/me");
        assert_eq!(
            place(&[home]).unwrap(),
            Path::new("/home/me/.config/ewh/contexts.json")
        );
        let both = place(&[home, ("XDG_CONFIG_HOME", "/c")]).unwrap();
        assert_eq!(both, Path::new("/c/ewh/contexts.json"));
        assert!(place(&[("HOME", "")]).is_none() && place(&[("HOME", "here")]).is_none());
    }
}
