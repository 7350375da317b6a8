//! `ewh policy`: is this policy right, and does it fit a component?

mod edit;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::error::{CliError, Exit};
use super::output::{Output, Style};
use super::{CacheOptions, load};
use crate::component::LoadedComponent;
use crate::error::HostError;
use crate::policy::{Capability, Policy, check_imports};
use edit::{GrantCommand, RevokeCommand};

/// Check policies, and change them while the host runs
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Check a policy, alone or against the component that it is for
    Check(CheckCommand),
    /// Add grants to a policy; it counts as soon as it is written
    Grant(GrantCommand),
    /// Take everything of a capability away from a policy; what it opened is closed at once
    Revoke(RevokeCommand),
    /// Print the JSON Schema of policies
    Schema,
}

impl PolicyCommand {
    pub(super) fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        match self {
            Self::Check(command) => command.execute(output, cache),
            Self::Grant(command) => command.execute(output),
            Self::Revoke(command) => command.execute(output),
            Self::Schema => {
                output.print_json(&Policy::json_schema())?;
                Ok(Exit::Ok)
            }
        }
    }
}

/// Check a policy, alone or against the component that it is for
#[derive(Debug, Args)]
pub struct CheckCommand {
    /// The policy, in TOML
    #[arg(value_name = "FILE")]
    policy: PathBuf,
    /// The component that will run under the policy
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
}

/// What `ewh policy check --json` prints. The names of the fields are stable.
#[derive(Debug, Serialize)]
struct CheckReport {
    /// Whether the component may run; true when there is none.
    ok: bool,
    /// What the policy grants.
    grants: Vec<&'static str>,
    /// What the component needs and the policy does not grant, or it does not request.
    missing: Vec<MissingReport>,
    /// What the policy grants and the component does not request.
    unneeded: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct MissingReport {
    capability: &'static str,
    /// Whether the component's manifest requests it.
    requested: bool,
    /// Why, in its author's words.
    reason: String,
    /// Whether the policy grants it.
    granted: bool,
    /// The imports that need it.
    imports: Vec<String>,
    /// Lines of a policy that grant it, to be adapted.
    example: &'static str,
}

impl CheckCommand {
    fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let policy = load::policy(Some(&self.policy))?;
        let granted = |capability: &Capability| policy.grants(*capability);
        let mut report = CheckReport {
            ok: true,
            grants: Capability::ALL
                .into_iter()
                .filter(granted)
                .map(Capability::name)
                .collect(),
            missing: Vec::new(),
            unneeded: Vec::new(),
        };
        let mut problem = None;
        if let Some(path) = &self.component {
            let component = load::component(&load::engine(cache)?, path, output)?;
            problem = report.compare(&component, &policy);
        }
        if output.is_json() {
            output.print_json(&report)?;
        } else {
            output.print(&report.render(&self, output))?;
        }
        match problem {
            // The report said it already, field by field.
            Some(_) if output.is_json() => Ok(Exit::NotGranted),
            Some(problem) => Err(problem.into()),
            None => Ok(Exit::Ok),
        }
    }
}

impl CheckReport {
    fn compare(&mut self, component: &LoadedComponent, policy: &Policy) -> Option<HostError> {
        let manifest = component.manifest();
        let unneeded = |capability: &Capability| {
            policy.grants(*capability) && !manifest.requests.contains_key(capability)
        };
        self.unneeded = Capability::ALL
            .into_iter()
            .filter(unneeded)
            .map(Capability::name)
            .collect();
        let missing = check_imports(component.imports(), manifest, policy).err()?;
        self.ok = false;
        self.missing = missing
            .missing
            .iter()
            .map(|missing| MissingReport {
                capability: missing.capability.name(),
                requested: missing.requested.is_some(),
                reason: missing.requested.clone().unwrap_or_default(),
                granted: missing.granted,
                imports: missing.imports.clone(),
                example: missing.capability.example(),
            })
            .collect();
        Some(missing.into())
    }

    fn render(&self, command: &CheckCommand, output: &Output) -> String {
        let painter = output.stdout();
        let list = |names: &[&str]| {
            if names.is_empty() {
                "nothing".to_owned()
            } else {
                names.join(", ")
            }
        };
        let mut text = format!("grants    {}\n", list(&self.grants));
        if command.component.is_some() {
            let missing: Vec<_> = self
                .missing
                .iter()
                .map(|missing| missing.capability)
                .collect();
            let style = if self.ok { Style::Green } else { Style::Red };
            text.push_str(&format!(
                "missing   {}\n",
                painter.paint(style, &list(&missing))
            ));
            let style = if self.unneeded.is_empty() {
                Style::Green
            } else {
                Style::Yellow
            };
            text.push_str(&format!(
                "unneeded  {}\n",
                painter.paint(style, &list(&self.unneeded))
            ));
        }
        text
    }
}
