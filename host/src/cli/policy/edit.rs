//! `ewh policy grant` and `ewh policy revoke`: a policy that is changed while the host runs. It is put in place whole,
//! so that it counts at once.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::Args;

use crate::cli::duration;
use crate::cli::error::{CliError, Exit};
use crate::cli::files;
use crate::cli::output::Output;
use crate::limits::MAX_POLICY_BYTES;
use crate::policy::{Capability, Policy, Until};

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
        let mut lines = self.lines.trim_end().to_owned();
        let added = parse(&lines, "the lines")?;
        if let Some(lasting) = self.lasting {
            let end = SystemTime::now().checked_add(lasting);
            let end = end.ok_or_else(|| CliError::Usage("that is too long".to_owned()))?;
            lines = with_end(&lines, Until::from(end));
            let ends = parse(&lines, "the lines")?;
            if ends.lines().iter().any(|line| !line.contains("until = ")) {
                return Err(CliError::Usage(
                    "--for is for grants in lists, such as [[http]]; grant the rest by itself"
                        .to_owned(),
                ));
            }
        }
        let before = match self.policy.exists() {
            true => files::read_text(&self.policy, "policy", MAX_POLICY_BYTES)?,
            false => String::new(),
        };
        let text = match before.trim_end() {
            "" => format!("{lines}\n"),
            before => format!("{before}\n\n{lines}\n"),
        };
        parse(&text, "the policy with the lines")?;
        files::write(&self.policy, text.as_bytes())?;
        for line in added.lines() {
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
        let had = parse(&before, "the policy")?;
        let text = without(&before, self.capability);
        let has = parse(&text, "the policy without it")?;
        if has.grants(self.capability) {
            let (path, capability) = (self.policy.display(), self.capability);
            return Err(CliError::Usage(format!(
                "`{capability}` is granted in {path} in a way that this command does not know; take \
                 it out by hand"
            )));
        }
        files::write(&self.policy, text.as_bytes())?;
        for line in had.lines().difference(&has.lines()) {
            output.note(&format!("taken away: {line}"));
        }
        Ok(Exit::Ok)
    }
}

fn capability(name: &str) -> Result<Capability, String> {
    let known = Capability::from_name(name);
    known.ok_or_else(|| format!("`{name}` is none of {}", Capability::all_names()))
}

fn parse(text: &str, origin: &str) -> Result<Policy, CliError> {
    Ok(Policy::parse(text, origin)?)
}

/// The same lines, with an end in each of their tables of a list.
fn with_end(lines: &str, end: Until) -> String {
    let mut text = String::new();
    for line in lines.lines() {
        text.push_str(line);
        text.push('\n');
        if line.trim_start().starts_with("[[") {
            text.push_str(&format!("until = {end}\n"));
        }
    }
    text.trim_end().to_owned()
}

/// The same lines without the tables and the switch of a capability.
fn without(text: &str, capability: Capability) -> String {
    let name = capability.name();
    let is_its = |line: &str| {
        let inner = line.trim_start_matches('[').split(']').next();
        let first = inner.unwrap_or_default().split('.').next();
        first.unwrap_or_default().trim() == name
    };
    let is_switch = |line: &str| {
        let key = line.split_once('=').map(|(key, _)| key.trim());
        key == Some(name)
    };
    let (mut kept, mut in_its, mut in_table) = (String::new(), false, false);
    for line in text.lines() {
        let bare = line.trim();
        if bare.starts_with('[') {
            (in_its, in_table) = (is_its(bare), true);
        }
        if !(in_its || !in_table && is_switch(bare)) {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "# all of it\nclocks = true\n\n[[http]] # the API\nhost = \"a.example\"\nmethods = [\"GET\"]\n\n\
                          [env.vars]\nNAME = \"http\"\n\n[[http]]\nhost = \"b.example\"\nmethods = [\"*\"]\n";

    #[test]
    fn what_is_taken_away_is_that_and_nothing_else() {
        let left = without(POLICY, Capability::Http);
        assert_eq!(
            left,
            "# all of it\nclocks = true\n\n[env.vars]\nNAME = \"http\"\n\n"
        );
        assert!(!without(POLICY, Capability::Clocks).contains("clocks"));
        assert!(!without(POLICY, Capability::Env).contains("NAME"));
        assert_eq!(without(POLICY, Capability::Files), POLICY);
    }

    #[test]
    fn what_lasts_has_an_end_in_each_table() {
        let end: Until = "2026-12-24T18:00:00Z".parse().unwrap();
        let lines = "[[http]]\nhost = \"a.example\"\nmethods = [\"GET\"]\n";
        let lines = with_end(&lines.repeat(2), end);
        let policy = Policy::parse(&lines, "test").unwrap();
        assert_eq!(policy.http.len(), 2);
        assert!(policy.http.iter().all(|grant| grant.until == Some(end)));
    }
}
