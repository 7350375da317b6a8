//! What `ewh` takes on its command line. Each subcommand is a module with a `XxxCommand` of its own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Args, Parser, Subcommand};
use external_worker_build::{PYTHON_RUNTIME, python_place};

mod audit;
mod backup;
mod build;
mod completions;
mod config;
mod demo;
mod dev;
mod devices;
mod duration;
mod error;
mod files;
mod inputs;
mod inspect;
mod load;
mod login;
mod manifest;
mod module;
mod new;
mod output;
mod policy;
mod prepare;
mod program;
mod progress;
mod python;
mod remote;
mod run;
mod screen;
mod secrets;
mod serve;
mod shown;
mod signals;
mod steps;
mod test;
mod validate;

use crate::engine::Trust;

pub use error::{CliError, Exit};
pub use output::{ColorWhen, Output};

/// Files of certificates to believe, besides those of the machine.
const CA_VARIABLE: &str = "EWH_CA";

/// The codes of [`Exit`], for people. They do not change.
const EXIT_CODES: &str = "\
Exit codes:
  0    all went well
  1    the worker failed: it did not start, a call failed, it trapped, it did not stop in time;
       `ewh validate` found something; a test of `ewh test` failed; `ewh audit verify` found a log
       that is not whole
  2    the command line or a file that it names is wrong: component, policy, configuration, input;
       a host that is asked has no such thing, or does not take what it is sent
  3    the policy does not grant what the component needs; the token does not allow what a host is
       asked
  4    the guest toolchain is missing, or the guest does not build
  5    the host or the machine failed, or a host that is asked does not answer; a backup lacks a
       Worker
  130  interrupted (Ctrl-C) before the end; 143: terminated

Environment:
  DOCKER_AUTH_CONFIG, DOCKER_CONFIG, REGISTRY_AUTH_FILE
                       logins for registries; docker and podman read the same variables
  EWH_API, EWH_API_TOKEN
                       the host that `ewh tenants` and its like ask, and the token for it, in the
                       place of a context
  EWH_CA               files of certificates to trust in addition to those of the machine, separated
                       by `:`
  EWH_CACHE_DIR        the directory that keeps compiled components
  EWH_GUEST_TOOLCHAIN  the toolchain of `ewh build`: `rustup` (its target wasm32-wasip2), `debian`
                       (Debian's packages), or `auto` (the first of them that is installed)
  EWH_LOG              which messages are shown, such as `external_worker_host=debug`, or `guest=info`
                       for what workers log under `ewh serve`
  EWH_NO_INSTALL       if it is set, `ewh build` installs nothing
  EWH_REGISTRY, EWH_REGISTRY_USERNAME, EWH_REGISTRY_PASSWORD
                       a registry, and the login for it
  EWH_SECRETS_KEY      the key of the secrets, where no file and no credential of systemd has it
  EWH_TOKEN            the token that clients of `ewh serve` have to send
  NO_COLOR             if it is set, the output has no colours
  SSL_CERT_FILE, SSL_CERT_DIR
                       certificates to trust instead of those of the machine";

/// Runs external workers: stateful components in a sandbox, with the capabilities that you grant.
#[derive(Debug, Parser)]
#[command(name = "ewh", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    global: GlobalOptions,
    #[command(subcommand)]
    command: Command,
}

/// What every subcommand takes.
#[derive(Debug, Args)]
struct GlobalOptions {
    /// When to use colours
    #[arg(long, value_enum, default_value_t, global = true, value_name = "WHEN")]
    color: ColorWhen,
    /// Write results to standard output as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Show more of what the host does, and what workers log; give it twice to show much more
    #[arg(short, long, action = ArgAction::Count, global = true)]
    verbose: u8,
    #[command(flatten)]
    cache: CacheOptions,
}

/// What an engine is made with: where compiled components are kept, whose certificates are believed.
#[derive(Debug, Args)]
struct CacheOptions {
    /// Compile components every time, without a cache
    #[arg(long, global = true)]
    no_cache: bool,
    /// Keep compiled components in this directory
    #[arg(long, global = true, value_name = "DIR", conflicts_with = "no_cache")]
    cache_dir: Option<PathBuf>,
    /// Trust the certificates in this PEM file, too, not only those of the machine; may be repeated
    #[arg(long, global = true, value_name = "FILE")]
    ca: Vec<PathBuf>,
    /// Run programs in Python on this component, not on the one that `ewh python prepare` made
    #[arg(long, global = true, value_name = "FILE", env = PYTHON_RUNTIME)]
    python: Option<PathBuf>,
}

impl CacheOptions {
    /// The arguments that say the same to another `ewh`.
    fn arguments(&self) -> Vec<OsString> {
        let mut arguments = match &self.cache_dir {
            Some(dir) => vec!["--cache-dir".into(), dir.into()],
            None if self.no_cache => vec!["--no-cache".into()],
            None => Vec::new(),
        };
        if let Some(runtime) = self.python() {
            arguments.extend(["--python".into(), runtime.into()]);
        }
        arguments.extend(self.ca_arguments());
        arguments
    }

    /// Those that the command line names, and those of the environment.
    fn ca_files(&self) -> Vec<PathBuf> {
        let variable = std::env::var_os(CA_VARIABLE).unwrap_or_default();
        let of_variable = std::env::split_paths(&variable).filter(|path| path != Path::new(""));
        self.ca.iter().cloned().chain(of_variable).collect()
    }

    /// The arguments that name them to a process without this one's environment.
    fn ca_arguments(&self) -> impl Iterator<Item = OsString> {
        let files = self.ca_files().into_iter();
        files.flat_map(|file| [OsString::from("--ca"), file.into()])
    }

    /// Where the runtime of Python is, or would be.
    fn python(&self) -> Option<PathBuf> {
        self.python.clone().or_else(python_place)
    }

    /// Whose certificates are believed.
    ///
    /// # Errors
    /// When a file that was named has none.
    fn trust(&self) -> Result<Trust, CliError> {
        Ok(Trust::with_files(&self.ca_files())?)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    New(new::NewCommand),
    Build(build::BuildCommand),
    Test(test::TestCommand),
    #[command(hide = true)]
    TestOne(test::TestOneCommand),
    Inspect(inspect::InspectCommand),
    Manifest(manifest::ManifestCommand),
    #[command(subcommand)]
    Module(module::ModuleCommand),
    #[command(subcommand)]
    Python(python::PythonCommand),
    Login(login::LoginCommand),
    Logout(login::LogoutCommand),
    Validate(validate::ValidateCommand),
    #[command(hide = true)]
    ValidateOne(validate::ValidateOneCommand),
    #[command(hide = true)]
    PrepareOne(prepare::PrepareOneCommand),
    Explain(validate::ExplainCommand),
    Run(run::RunCommand),
    Dev(dev::DevCommand),
    Serve(serve::ServeCommand),
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    ServeTenant(serve::ServeTenantCommand),
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    #[command(subcommand)]
    Backup(backup::BackupCommand),
    #[command(subcommand)]
    Config(config::ConfigCommand),
    #[command(subcommand)]
    Context(remote::ContextCommand),
    #[command(subcommand)]
    Tenants(remote::TenantsCommand),
    #[command(subcommand)]
    Tokens(remote::TokensCommand),
    #[command(subcommand)]
    Instances(remote::InstancesCommand),
    #[command(subcommand)]
    Requests(remote::RequestsCommand),
    #[command(subcommand)]
    Grants(remote::GrantsCommand),
    Usage(remote::UsageCommand),
    Top(remote::TopCommand),
    #[command(subcommand)]
    Secrets(secrets::SecretsCommand),
    Demo(demo::DemoCommand),
    Completions(completions::CompletionsCommand),
}

impl Cli {
    /// Where this command line wants its output.
    pub fn output(&self) -> Output {
        Output::new(self.global.color, self.global.json, self.global.verbose)
    }

    /// Does what the command line says.
    ///
    /// # Errors
    /// What went wrong, to be shown and to become the exit code.
    pub fn execute(self, output: &Output) -> Result<Exit, CliError> {
        let cache = &self.global.cache;
        match self.command {
            Command::New(command) => command.execute(output),
            Command::Build(command) => command.execute(output),
            Command::Test(command) => command.execute(output, cache),
            Command::TestOne(command) => command.execute(output, cache),
            Command::Inspect(command) => command.execute(output, cache),
            Command::Manifest(command) => command.execute(output),
            Command::Module(command) => command.execute(output, cache),
            Command::Python(command) => command.execute(output, cache),
            Command::Login(command) => command.execute(output, cache),
            Command::Logout(command) => command.execute(output),
            Command::Validate(command) => command.execute(output, cache),
            Command::ValidateOne(command) => command.execute(output, cache),
            Command::PrepareOne(command) => command.execute(),
            Command::Explain(command) => command.execute(output),
            Command::Run(command) => command.execute(output, cache),
            Command::Dev(command) => command.execute(output, cache),
            Command::Serve(command) => match command.config().map(Path::to_owned) {
                Some(file) => {
                    let arguments = std::env::args_os().collect();
                    let (mut whole, options) = config::with_file(arguments, &file)?;
                    if let Command::Serve(command) = &mut whole.command {
                        command.has_options(file, options);
                    }
                    whole.execute(output)
                }
                None => command.execute(output, cache),
            },
            #[cfg(target_os = "linux")]
            Command::ServeTenant(command) => command.execute(cache),
            Command::Policy(command) => command.execute(output, cache),
            Command::Audit(command) => command.execute(output, cache),
            Command::Backup(command) => command.execute(output, cache),
            Command::Config(command) => command.execute(output),
            Command::Context(command) => command.execute(output, cache),
            Command::Tenants(command) => command.execute(output, cache),
            Command::Tokens(command) => command.execute(output, cache),
            Command::Instances(command) => command.execute(output, cache),
            Command::Requests(command) => command.execute(output, cache),
            Command::Grants(command) => command.execute(output, cache),
            Command::Usage(command) => command.execute(output, cache),
            Command::Top(command) => command.execute(output, cache),
            Command::Secrets(command) => command.execute(output),
            Command::Demo(command) => command.execute(output, cache),
            Command::Completions(command) => command.execute(output),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn verify_cli() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_lists_every_exit_code() {
        let help = Cli::command().render_help().to_string();
        for exit in Exit::ALL {
            assert!(help.contains(&exit.code().to_string()), "{exit:?}: {help}");
        }
    }
}
