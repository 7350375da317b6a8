//! `ewh policy grant` and `ewh policy revoke`: a policy that is changed while the host runs. It is put in place whole,
//! so that it counts at once.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::duration;
use crate::cli::error::{CliError, Exit};
use crate::cli::files;
use crate::cli::output::Output;
use crate::limits::MAX_POLICY_BYTES;
use crate::policy::{Capability, edit};

/// Add grants to a policy; it counts as soon as it is written
#[derive(Debug, Args)]
pub struct GrantCommand {
    /// The policy, such as data/policies/MODULE.toml; made if it is not there
    #[arg(value_name = "FILE")]
    policy: PathBuf,
    /// The grants, as lines of a policy, such as '[[http]]
    /// host = "api.example.com"
    /// methods = ["GET"]'
    #[arg(value_name = "LINES")]
    lines: String,
    /// How long they last, such as `2h`; without it, until they are taken away
    #[arg(long = "for", value_name = "TIME", value_parser = duration::parse)]
    lasting: Option<Duration>,
}

impl GrantCommand {
    pub(super) fn execute(self, output: &Output) -> Result<Exit, CliError> {
        let before = match self.policy.exists() {
            true => files::read_text(&self.policy, "policy", MAX_POLICY_BYTES)?,
            false => String::new(),
        };
        let origin = self.policy.display().to_string();
        let edited = edit::granted(&before, &self.lines, self.lasting, &origin)?;
        files::write(&self.policy, edited.text.as_bytes())?;
        for line in edited.lines {
            output.note(&format!("granted: {line}"));
        }
        Ok(Exit::Ok)
    }
}

/// Take everything of a capability away from a policy; what it opened is closed at once
#[derive(Debug, Args)]
pub struct RevokeCommand {
    /// The policy, such as data/policies/MODULE.toml
    #[arg(value_name = "FILE")]
    policy: PathBuf,
    /// The capability, such as `http`
    #[arg(value_parser = capability)]
    capability: Capability,
}

impl RevokeCommand {
    pub(super) fn execute(self, output: &Output) -> Result<Exit, CliError> {
        let before = files::read_text(&self.policy, "policy", MAX_POLICY_BYTES)?;
        let origin = self.policy.display().to_string();
        let edited = edit::revoked(&before, self.capability, &origin)?;
        files::write(&self.policy, edited.text.as_bytes())?;
        for line in edited.lines {
            output.note(&format!("taken away: {line}"));
        }
        Ok(Exit::Ok)
    }
}

fn capability(name: &str) -> Result<Capability, String> {
    let known = Capability::from_name(name);
    known.ok_or_else(|| format!("`{name}` is none of {}", Capability::all_names()))
}
