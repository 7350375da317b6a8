//! `ewh tokens`: who may ask a host, and for how long.

use std::time::Duration;

use clap::{Args, Subcommand};
use external_worker_control::Role;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::client::Request;
use super::route::Route;
use super::table::Table;
use super::{Remote, TenantArgs, when, word};
use crate::cli::CacheOptions;
use crate::cli::duration;
use crate::cli::error::{CliError, Exit};
use crate::cli::output::Output;

/// List, make and revoke the tokens of a tenant, or of operators
///
/// With `--tenant NAME` they are those of that tenant, and without it those of operators; a token of a tenant manages
/// those of its tenant.
#[derive(Debug, Subcommand)]
pub enum TokensCommand {
    /// List the tokens, without their secrets
    List(ListCommand),
    /// Make a token; it is printed this once
    Make(MakeCommand),
    /// Revoke a token; what is open with it is closed
    Revoke(RevokeCommand),
}

/// List the tokens, without their secrets
#[derive(Debug, Args)]
pub struct ListCommand {
    #[command(flatten)]
    of: TenantArgs,
}

/// Make a token; it is printed this once
///
/// The token is alone on standard output, so that it can go where it is kept: `ewh tokens make --tenant lab --role
/// author > token`.
#[derive(Debug, Args)]
pub struct MakeCommand {
    /// What whoever has it may do: a viewer sees, an author changes, an owner also makes tokens; a token without a tenant
    /// is an operator's
    #[arg(long, value_name = "ROLE")]
    role: Option<Role>,
    /// How long it lasts, such as `30d` or `12h`; without it, until it is revoked
    #[arg(long = "for", value_name = "TIME", value_parser = duration::parse)]
    lasting: Option<Duration>,
    #[command(flatten)]
    of: TenantArgs,
}

/// Revoke a token; what is open with it is closed
#[derive(Debug, Args)]
pub struct RevokeCommand {
    /// The id, as `ewh tokens list` shows it, or the token itself
    id: String,
    #[command(flatten)]
    of: TenantArgs,
}

/// What is known of a token.
#[derive(Debug, Serialize, Deserialize)]
struct TokenState {
    id: String,
    role: Role,
    tenant: Option<String>,
    expires: Option<u64>,
}

/// A token that was just made.
#[derive(Serialize, Deserialize)]
struct Made {
    #[serde(flatten)]
    state: TokenState,
    token: String,
}

/// Whose tokens.
struct Whose<'a> {
    remote: Remote<'a>,
    tenant: Option<String>,
}

impl TokensCommand {
    pub(in crate::cli) fn execute(
        self,
        output: &Output,
        cache: &CacheOptions,
    ) -> Result<Exit, CliError> {
        match self {
            Self::List(command) => command.execute(output, cache),
            Self::Make(command) => command.execute(output, cache),
            Self::Revoke(command) => command.execute(output, cache),
        }
    }
}

impl<'a> Whose<'a> {
    fn open(of: &TenantArgs, output: &'a Output, cache: &CacheOptions) -> Result<Self, CliError> {
        let remote = Remote::open(&of.at, output, cache)?;
        let tenant = match &of.tenant {
            Some(tenant) => Some(tenant.clone()),
            None => remote.me()?.tenant,
        };
        Ok(Self { remote, tenant })
    }

    fn route(&self, more: &[&str]) -> Route {
        let parts = [&["tokens"], more].concat();
        match &self.tenant {
            Some(tenant) => Route::of(tenant, &parts),
            None => Route::to(&parts),
        }
    }

    fn name(&self) -> String {
        match &self.tenant {
            Some(tenant) => format!("of the tenant `{tenant}`"),
            None => "of operators".to_owned(),
        }
    }
}

impl ListCommand {
    fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let whose = Whose::open(&self.of, output, cache)?;
        let what = format!("list the tokens {}", whose.name());
        let tokens: Vec<TokenState> = whose.remote.list(&what, &whose.route(&[]))?;
        if output.is_json() {
            output.print_json(&json!({ "tokens": tokens }))?;
            return Ok(Exit::Ok);
        }
        let mut table = Table::new(["ID", "ROLE", "ENDS"]);
        for token in tokens {
            table.row([token.id, token.role.to_string(), when::end(token.expires)]);
        }
        if table.is_empty() {
            output.note(&format!("there are no tokens {}", whose.name()));
            return Ok(Exit::Ok);
        }
        output.print(&table.render(output.stdout()))?;
        Ok(Exit::Ok)
    }
}

impl MakeCommand {
    fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let whose = Whose::open(&self.of, output, cache)?;
        let body = body(self.role, whose.tenant.is_some(), self.lasting)?;
        let what = format!("make a token {}", whose.name());
        let request = Request::post(what, whose.route(&[])).json(&body);
        let made: Made = whose.remote.ask(request)?;
        if output.is_json() {
            output.print_json(&made)?;
            return Ok(Exit::Ok);
        }
        let Made { state, token } = made;
        output.note(&format!(
            "the token {} of the role {} {} ends {}; it is not shown again:",
            word(&state.id),
            state.role,
            whose.name(),
            when::end(state.expires)
        ));
        output.print(&word(&token))?;
        Ok(Exit::Ok)
    }
}

/// What a token is to be.
fn body(role: Option<Role>, of_tenant: bool, lasting: Option<Duration>) -> Result<Json, CliError> {
    let wrong = |problem: &str| Err(CliError::Usage(problem.to_owned()));
    let mut body = match (role, of_tenant) {
        (None, true) => {
            return wrong("say what the token allows: `--role viewer`, `author` or `owner`");
        }
        (Some(Role::Operator), true) => {
            return wrong(
                "an operator is of no tenant; leave `--tenant` out, and use an operator's token",
            );
        }
        (Some(role), true) => json!({ "role": role }),
        (None | Some(Role::Operator), false) => json!({}),
        (Some(_), false) => {
            return wrong("this role is one in a tenant; name that with `--tenant NAME`");
        }
    };
    if let (Some(lasting), Some(members)) = (lasting, body.as_object_mut()) {
        members.insert("lasting".to_owned(), json!(seconds(lasting)));
    }
    Ok(body)
}

/// As whole seconds, at least one.
pub(super) fn seconds(lasting: Duration) -> u64 {
    lasting.as_secs().max(1)
}

impl RevokeCommand {
    fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let whose = Whose::open(&self.of, output, cache)?;
        let id = id_of(&self.id);
        let what = format!("revoke the token `{id}` {}", whose.name());
        whose
            .remote
            .done(Request::delete(what, whose.route(&[id])))?;
        output.note(&format!("revoked {}", word(id)));
        Ok(Exit::Ok)
    }
}

/// The part of a token that is no secret, also where somebody gives all of it.
fn id_of(given: &str) -> &str {
    let whole = given.strip_prefix("ewh-");
    let id = whole
        .and_then(|rest| rest.split_once('-'))
        .map(|(id, _)| id);
    id.unwrap_or(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_one_in_a_tenant_or_an_operators() {
        let hour = Some(Duration::from_secs(3600));
        let of = |role, of_tenant| body(role, of_tenant, hour).map_err(|error| error.to_string());
        let author = json!({"role": "author", "lasting": 3600});
        assert_eq!(of(Some(Role::Author), true), Ok(author));
        assert_eq!(of(None, false), Ok(json!({"lasting": 3600})));
        assert_eq!(body(Some(Role::Operator), false, None).unwrap(), json!({}));
        of(None, true).unwrap_err();
        of(Some(Role::Operator), true).unwrap_err();
        of(Some(Role::Viewer), false).unwrap_err();
        assert_eq!(seconds(Duration::from_millis(1)), 1);
    }

    #[test]
    fn a_whole_token_is_revoked_by_its_id() {
        assert_eq!(id_of("ewh-abc-s3cr3t"), "abc");
        assert_eq!(id_of("abc"), "abc");
    }
}
