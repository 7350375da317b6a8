//! `ewh login` and `ewh logout`: logins for registries, kept where docker keeps them.

use std::io::Read as _;

use clap::Args;
use serde_json::json;

use super::CacheOptions;
use super::error::{CliError, Exit};
use super::load;
use super::output::Output;
use crate::limits::MAX_PASSWORD_BYTES;
use crate::registry::{Kept, Login, LoginError, Logins, Registries, RegistryError, RegistryName};

/// Keep a login for a registry, for `ewh module add` and `ewh validate`
///
/// Tries the login at the registry first, and then keeps it where docker does: with the credential helper
/// that the file of logins names (`credsStore`, `credHelpers`), or in that file, which only its owner can
/// read. The file is the one that REGISTRY_AUTH_FILE names, or config.json in DOCKER_CONFIG or ~/.docker.
/// `ewh` finds the logins of docker, podman and similar tools there; they need no `ewh login`.
#[derive(Debug, Args)]
pub struct LoginCommand {
    /// The registry, such as registry.example.org:5000 or docker.io
    #[arg(value_parser = registry)]
    registry: RegistryName,
    /// The name of the user
    #[arg(short, long, value_name = "USER")]
    username: String,
    /// Read the password, or a token in its place, from standard input: other users could see an
    /// argument, and the shell would keep it
    #[arg(long, required = true)]
    password_stdin: bool,
}

/// Forget the login for a registry
#[derive(Debug, Args)]
pub struct LogoutCommand {
    /// The registry
    #[arg(value_parser = registry)]
    registry: RegistryName,
}

fn registry(name: &str) -> Result<RegistryName, String> {
    name.parse()
        .map_err(|problem: RegistryError| problem.to_string())
}

/// How registries are reached, with the logins of the user.
///
/// # Errors
/// When what the environment or the command line names cannot be used.
pub(super) fn registries(options: &CacheOptions) -> Result<Registries, CliError> {
    Ok(Registries {
        trust: options.trust()?,
        logins: Logins::of_environment().map_err(|problem| failed(&problem))?,
    })
}

impl LoginCommand {
    pub(super) fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let user = self.username;
        if user.is_empty() || user.contains(':') {
            let problem = "the name of the user must not be empty or have a `:` in it";
            return Err(CliError::Usage(problem.to_owned()));
        }
        let password = password()?;
        let login = Login::Password { user, password };
        let registries = Registries {
            trust: cache.trust()?,
            logins: Logins::default(),
        };
        let registry = &self.registry;
        let runtime = load::runtime()?;
        {
            let _progress = output.progress(format!("logging in to {registry}"));
            let checked = runtime.block_on(registries.check(registry, login.clone()));
            checked.map_err(|problem| CliError::Usage(problem.to_string()))?;
        }
        let kept = runtime.block_on(Logins::keep(registry, &login));
        let (place, how) = match kept.map_err(|problem| failed(&problem))? {
            Kept::File(path) => (path.display().to_string(), "as it is"),
            Kept::Helper(helper) => (format!("docker-credential-{helper}"), "by the helper"),
        };
        if output.is_json() {
            output.print_json(&json!({ "registry": registry.as_str(), "kept": place }))?;
        } else {
            output.print(&format!(
                "{registry} accepts the login; it is kept {how} in {place}"
            ))?;
        }
        Ok(Exit::Ok)
    }
}

impl LogoutCommand {
    pub(super) fn execute(self, output: &Output) -> Result<Exit, CliError> {
        let registry = &self.registry;
        let forgotten = load::runtime()?.block_on(Logins::forget(registry));
        if !forgotten.map_err(|problem| failed(&problem))? {
            return Err(CliError::Usage(format!(
                "there is no login for {registry} where `ewh login` keeps them"
            )));
        }
        output.note(&format!("forgot the login for {registry}"));
        Ok(Exit::Ok)
    }
}

/// The password on standard input, without the end of its line.
fn password() -> Result<String, CliError> {
    let wrong =
        |problem: &str| CliError::Usage(format!("the password on standard input {problem}"));
    let mut given = Vec::new();
    let input = std::io::stdin().take(MAX_PASSWORD_BYTES + 1);
    { input }
        .read_to_end(&mut given)
        .map_err(CliError::Machine)?;
    if given.len() as u64 > MAX_PASSWORD_BYTES {
        return Err(wrong("is too long"));
    }
    let given = String::from_utf8(given).map_err(|_| wrong("is not text in UTF-8"))?;
    let password = given.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(wrong("is empty"));
    }
    if password.contains(['\r', '\n', '\0']) {
        return Err(wrong("has more than one line"));
    }
    Ok(password.to_owned())
}

fn failed(problem: &LoginError) -> CliError {
    CliError::Usage(problem.to_string())
}
