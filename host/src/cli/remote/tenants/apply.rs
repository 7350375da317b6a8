//! `ewh tenants apply`: first what differs from the file, then, if somebody wants that, doing it.

use std::path::PathBuf;

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::file;
use crate::cli::CacheOptions;
use crate::cli::error::{CliError, Exit};
use crate::cli::files;
use crate::cli::output::{Output, Painter, Style};
use crate::cli::remote::client::Request;
use crate::cli::remote::route::Route;
use crate::cli::remote::{ContextArgs, Remote, keyboard, word};
use crate::limits::MAX_TENANTS_FILE_BYTES;

/// Make the tenants be what a tenants file says
///
/// The file is that of `ewh serve --tenants`: each [[tenant]] has a name and a port, and may have host, allow-origin,
/// memory, suspended and a table `quotas` with instances, memory, disk, modules and cpu-weight. What differs is shown
/// first. What the file does not say of a tenant that it lists is as for a new one.
#[derive(Debug, Args)]
pub struct ApplyCommand {
    /// The tenants file, in TOML
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only show what differs
    #[arg(long)]
    dry_run: bool,
    /// Remove tenants that the file does not list; their data stays
    #[arg(long)]
    prune: bool,
    /// Do not ask; needed where nobody can be asked
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    at: ContextArgs,
}

/// What is done to make the tenants so.
#[derive(Debug, PartialEq, Deserialize)]
struct Plan {
    steps: Vec<Step>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Step {
    name: String,
    action: Action,
    changes: Vec<Changed>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Action {
    Create,
    Change,
    Remove,
    Keep,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Changed {
    member: String,
    before: Json,
    after: Json,
}

impl ApplyCommand {
    pub(in crate::cli) fn execute(
        self,
        output: &Output,
        cache: &CacheOptions,
    ) -> Result<Exit, CliError> {
        let limit = MAX_TENANTS_FILE_BYTES;
        let text = files::read_text(&self.file, "tenants file", limit)?;
        let tenants = file::parse(&text).map_err(|problem| {
            CliError::Usage(format!(
                "the tenants file `{}`: {problem}",
                self.file.display()
            ))
        })?;
        let remote = Remote::open(&self.at, output, cache)?;
        let wanted = json!({ "tenants": tenants, "prune": self.prune });
        let plan = ask(&remote, &wanted, true)?;
        if !output.is_json() {
            output.print(&plan.render(output.stdout()))?;
        }
        if self.dry_run || plan.is_empty() {
            return told(&plan, false, output);
        }
        if !self.is_wanted(output)? {
            output.note("nothing was changed");
            return Ok(Exit::Interrupted);
        }
        let done = ask(&remote, &wanted, false)?;
        if done != plan && !output.is_json() {
            output.note("the tenants changed meanwhile; this was done:");
            output.print(&done.render(output.stdout()))?;
        }
        output.note("done");
        told(&done, true, output)
    }

    fn is_wanted(&self, output: &Output) -> Result<bool, CliError> {
        if self.yes {
            return Ok(true);
        }
        if keyboard::is_there(output) {
            return keyboard::says_yes("do this?", output);
        }
        let problem =
            "nobody can be asked whether this is wanted; look with `--dry-run`, and add `--yes`";
        Err(CliError::Usage(problem.to_owned()))
    }
}

fn ask(remote: &Remote<'_>, wanted: &Json, is_dry: bool) -> Result<Plan, CliError> {
    let what = match is_dry {
        true => "compare the tenants with the file",
        false => "make the tenants be what the file says",
    };
    let route = Route::to(&["tenants", "apply"]).with("dry-run", &is_dry.to_string());
    remote.ask(Request::post(what, route).json(wanted).of_guest())
}

fn told(plan: &Plan, applied: bool, output: &Output) -> Result<Exit, CliError> {
    if output.is_json() {
        output.print_json(&json!({ "steps": plan.steps, "applied": applied }))?;
    }
    Ok(Exit::Ok)
}

impl Plan {
    fn count(&self, action: Action) -> usize {
        let of_kind = self.steps.iter().filter(|step| step.action == action);
        of_kind.count()
    }

    fn is_empty(&self) -> bool {
        self.count(Action::Keep) == self.steps.len()
    }

    fn render(&self, painter: Painter) -> String {
        let steps = self.steps.iter();
        let mut lines: Vec<_> = steps.flat_map(|step| step.lines(painter)).collect();
        let [made, changed, removed, kept] =
            [Action::Create, Action::Change, Action::Remove, Action::Keep]
                .map(|action| self.count(action));
        lines.push(format!(
            "{made} to make, {changed} to change, {removed} to remove, {kept} as they are"
        ));
        lines.join("\n")
    }
}

impl Step {
    fn lines(&self, painter: Painter) -> Vec<String> {
        let (sign, style, more) = match self.action {
            Action::Keep => return Vec::new(),
            Action::Create => ('+', Style::Green, ""),
            Action::Change => ('~', Style::Yellow, ""),
            Action::Remove => ('-', Style::Red, "  (its data stays)"),
        };
        let name = word(&self.name);
        let mut lines = vec![painter.paint(style, &format!("{sign} {name}{more}"))];
        for Changed {
            member,
            before,
            after,
        } in &self.changes
        {
            let sides = [('-', Style::Red, before), ('+', Style::Green, after)];
            let sides = sides.into_iter().filter(|(_, _, value)| !is_nothing(value));
            lines.extend(sides.map(|(sign, style, value)| {
                let line = format!("    {sign} {}: {}", word(member), word(&value.to_string()));
                painter.paint(style, &line)
            }));
        }
        lines
    }
}

fn is_nothing(value: &Json) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_shown_line_by_line() {
        let plan: Plan = serde_json::from_value(json!({"steps": [
            {"name": "a", "action": "create", "changes": [
                {"member": "port", "before": null, "after": 1}]},
            {"name": "b", "action": "change", "changes": [
                {"member": "quotas.memory", "before": 2, "after": null}]},
            {"name": "c", "action": "keep", "changes": []},
            {"name": "d\u{1b}", "action": "remove", "changes": []},
        ]}))
        .unwrap();
        assert_eq!(
            plan.render(Painter::plain()),
            "+ a\n    + port: 1\n~ b\n    - quotas.memory: 2\n- d\u{fffd}  (its data stays)\n\
             1 to make, 1 to change, 1 to remove, 1 as they are"
        );
        assert!(!plan.is_empty());
        assert!(Plan { steps: Vec::new() }.is_empty());
    }
}
