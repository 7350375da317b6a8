//! `ewh audit show` without a directory: the audit log of a host that is elsewhere, as far as the token shows it.

use external_worker_control::limits::MAX_PAGE;
use external_worker_control::model::{AuditPage, AuditRecord};

use super::client::Request;
use super::route::Route;
use super::{ContextArgs, Remote, word};
use crate::audit::Kind;
use crate::cli::CacheOptions;
use crate::cli::audit::row;
use crate::cli::error::{CliError, Exit};
use crate::cli::output::Output;

/// Which records.
#[derive(Debug)]
pub struct AuditOf {
    /// Only those of this kind; those of all if there is none.
    pub kinds: Vec<Kind>,
    /// Only what concerns this tenant.
    pub tenant: Option<String>,
    /// How many of the last ones.
    pub last: usize,
}

/// Shows the last records, the oldest first, as the log itself has them.
///
/// # Errors
/// When the host does not show them.
pub fn show(
    at: &ContextArgs,
    of: &AuditOf,
    output: &Output,
    cache: &CacheOptions,
) -> Result<Exit, CliError> {
    let kind = match of.kinds.as_slice() {
        [] => None,
        [kind] => Some(kind.label()),
        _ => {
            let problem = "a host is asked for one kind at a time; say `--kind` once";
            return Err(CliError::Usage(problem.to_owned()));
        }
    };
    let remote = Remote::open(at, output, cache)?;
    let mut records: Vec<AuditRecord> = Vec::new();
    let mut before: Option<String> = None;
    loop {
        let most = of.last.saturating_sub(records.len()).min(MAX_PAGE);
        if most == 0 {
            break;
        }
        let mut route = Route::to(&["audit"]).with("limit", &most.to_string());
        let parameters = [
            ("tenant", of.tenant.as_deref()),
            ("kind", kind),
            ("before", before.as_deref()),
        ];
        for (name, value) in parameters {
            if let Some(value) = value {
                route = route.with(name, value);
            }
        }
        let page: AuditPage = remote.ask(Request::get("show its audit log", route))?;
        let is_last = page.records.len() < most;
        before = page.records.last().map(|record| record.seq.to_string());
        records.extend(page.records);
        if is_last {
            break;
        }
    }
    for record in records.iter().take(of.last).rev() {
        if output.is_json() {
            output.print_json_line(record)?;
        } else {
            output.print(&shown(record, output))?;
        }
    }
    if records.is_empty() && !output.is_json() {
        output.note("no record is like that");
    }
    Ok(Exit::Ok)
}

fn shown(record: &AuditRecord, output: &Output) -> String {
    let words = |of: [&Option<String>; 3]| -> Vec<String> {
        of.into_iter().flatten().map(|text| word(text)).collect()
    };
    let whose = words([&record.tenant, &record.module, &record.instance]).join("/");
    let said = words([&record.who, &record.what, &record.reason]).join(": ");
    let (at, event) = (word(&record.at), word(&record.event));
    let mut text = row(&at, &event, &whose, &said, output);
    if let Some(more) = record.more {
        text.push_str(&format!(" ({more} more of them)"));
    }
    text
}
