//! `ewh context`: which hosts there are, and which of them the other commands ask.

use std::io::Read as _;

use clap::{Args, Subcommand};
use serde_json::json;

use super::client::Client;
use super::contexts::{Contexts, name_of, token_of};
use super::route::Address;
use super::table::Table;
use super::{Me, keyboard, when};
use crate::cli::CacheOptions;
use crate::cli::error::{CliError, Exit};
use crate::cli::load;
use crate::cli::output::Output;
use crate::limits::MAX_API_TOKEN_BYTES;

/// Say which hosts you operate, each with a token for it
///
/// A host is operated where `ewh serve --control` serves its API. The contexts are kept in ewh/contexts.json of the
/// user's configuration directory, which only its owner can read. In CI set EWH_API and EWH_API_TOKEN instead.
#[derive(Debug, Subcommand)]
pub enum ContextCommand {
    /// Add a host, or give it another token
    Add(AddCommand),
    /// List the hosts
    List,
    /// Make a host the one that the other commands ask
    Use(NamedCommand),
    /// Forget a host and its token; the token stays valid until it is revoked
    Remove(NamedCommand),
}

/// Add a host, or give it another token
///
/// The token is asked for, and tried at the host before it is kept. `ewh serve --control` prints an operator's the
/// first time; `ewh tokens make` makes others.
#[derive(Debug, Args)]
pub struct AddCommand {
    /// What to call it
    #[arg(value_parser = name_of)]
    name: String,
    /// Where its API is, such as https://workers.example.org, or http://127.0.0.1:9381 on this machine
    url: Address,
    /// Read the token from standard input: other users could see an argument, and the shell would keep it
    #[arg(long)]
    token_stdin: bool,
}

/// One of the hosts.
#[derive(Debug, Args)]
pub struct NamedCommand {
    /// The name of the context
    name: String,
}

impl ContextCommand {
    pub(in crate::cli) fn execute(
        self,
        output: &Output,
        cache: &CacheOptions,
    ) -> Result<Exit, CliError> {
        match self {
            Self::Add(command) => command.execute(output, cache),
            Self::List => list(output),
            Self::Use(command) => command.make_current(output),
            Self::Remove(command) => command.remove(output),
        }
    }
}

impl AddCommand {
    fn execute(self, output: &Output, cache: &CacheOptions) -> Result<Exit, CliError> {
        let mut contexts = Contexts::read()?;
        let Some(token) = self.token(output)? else {
            return Ok(Exit::Interrupted);
        };
        let client = Client::new(self.url.clone(), &token, &cache.trust()?)?;
        let me = {
            let _progress = output.progress(format!("asking {}", client.host()));
            load::runtime()?.block_on(Me::of(&client))?
        };
        contexts.put(&self.name, &self.url, token);
        let path = contexts.write()?;
        let is_current = contexts.current.as_deref() == Some(&*self.name);
        if output.is_json() {
            output.print_json(&json!({
                "context": self.name, "url": self.url.to_string(), "current": is_current, "kept": path,
                "id": me.id, "role": me.role, "tenant": me.tenant, "expires": me.expires,
            }))?;
            return Ok(Exit::Ok);
        }
        let whose = me.tenant.map(|tenant| format!(" of the tenant `{tenant}`"));
        output.print(&format!(
            "{} accepts the token, which is of the role {}{} and ends {}; it is kept in {}",
            self.url,
            me.role,
            whose.unwrap_or_default(),
            when::end(me.expires),
            path.display()
        ))?;
        if !is_current {
            output.note(&format!(
                "make it the current one with `ewh context use {}`",
                self.name
            ));
        }
        Ok(Exit::Ok)
    }

    /// The token that is typed or comes in; none if whoever types gives up.
    fn token(&self, output: &Output) -> Result<Option<String>, CliError> {
        let typed = if self.token_stdin {
            given()?
        } else if keyboard::is_there(output) {
            let prompt = format!("token for {}: ", self.url);
            match keyboard::secret(&prompt, output)? {
                Some(typed) => typed,
                None => return Ok(None),
            }
        } else {
            let problem = "nobody can be asked for the token; write `--token-stdin < FILE`";
            return Err(CliError::Usage(problem.to_owned()));
        };
        let token = token_of(&typed);
        let token = token.map_err(|problem| CliError::Usage(format!("the token {problem}")))?;
        Ok(Some(token))
    }
}

/// What comes in on standard input, no more than a token has.
fn given() -> Result<String, CliError> {
    let mut given = Vec::new();
    let most = (MAX_API_TOKEN_BYTES as u64).saturating_add(16);
    { std::io::stdin().take(most) }
        .read_to_end(&mut given)
        .map_err(CliError::Machine)?;
    Ok(String::from_utf8_lossy(&given).into_owned())
}

fn list(output: &Output) -> Result<Exit, CliError> {
    let contexts = Contexts::read()?;
    let is_current = |name: &str| contexts.current.as_deref() == Some(name);
    if output.is_json() {
        let all = contexts.contexts.iter();
        let all = all.map(|(name, context)| {
            json!({ "name": name, "url": context.url, "current": is_current(name) })
        });
        output.print_json(&json!({ "contexts": all.collect::<Vec<_>>() }))?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(["", "NAME", "URL"]);
    for (name, context) in &contexts.contexts {
        let mark = if is_current(name) { "*" } else { "" };
        table.row([mark.to_owned(), name.clone(), context.url.clone()]);
    }
    if table.is_empty() {
        output.note("no host is known; add one with `ewh context add NAME URL`");
        return Ok(Exit::Ok);
    }
    output.print(&table.render(output.stdout()))?;
    Ok(Exit::Ok)
}

impl NamedCommand {
    fn make_current(self, output: &Output) -> Result<Exit, CliError> {
        let mut contexts = Contexts::read()?;
        contexts.check(&self.name)?;
        contexts.current = Some(self.name.clone());
        contexts.write()?;
        output.note(&format!("the current context is {}", self.name));
        Ok(Exit::Ok)
    }

    fn remove(self, output: &Output) -> Result<Exit, CliError> {
        let mut contexts = Contexts::read()?;
        contexts.remove(&self.name)?;
        contexts.write()?;
        output.note(&format!("forgot {}", self.name));
        Ok(Exit::Ok)
    }
}
