//! Modules of a tenant: how they come, how they go, and what they lack.

use axum::extract::Path;
use axum::response::Response;
use http::Method;
use serde::Deserialize;

use crate::console::client::{Client, part};
use crate::console::flash::Note;
use crate::console::posted::Posted;
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::model::Installed;

use super::tenants::address;

/// What a module requests and no policy grants.
#[derive(Debug, Clone, Deserialize)]
pub struct Lacking {
    /// The module.
    pub module: String,
    /// The capability.
    pub capability: String,
    /// Why, as its author says.
    pub reason: String,
    /// Lines of a policy that grant something of it, where the host knows some.
    pub example: Option<String>,
}

impl Lacking {
    /// Lines of a policy to begin with, with values that somebody has to change; the host says whether they make sense.
    pub fn lines(&self) -> String {
        match &self.example {
            Some(lines) => lines.trim_end().to_owned(),
            None => format!("[{}]", self.capability),
        }
    }

    /// What its form is called.
    pub fn form(&self) -> String {
        format!("grant-{}-{}", part(&self.module), part(&self.capability))
    }
}

/// What modules of the tenant at `at` lack.
pub async fn lacking(client: &Client, at: &str) -> Result<Vec<Lacking>, Trouble> {
    Ok(client.list(&format!("{at}/requests")).await?.items)
}

/// Brings one.
pub async fn upload(visit: Visit, Path(tenant): Path<String>, posted: Posted) -> Response {
    let brought = bring(&visit, &tenant, &posted).await;
    visit.answer(&address(&tenant), "upload", &posted, brought)
}

async fn bring(visit: &Visit, tenant: &str, posted: &Posted) -> Result<Note, Trouble> {
    let none = || Trouble::wrong("Choose a file: a module, such as `thermometer.wasm`.");
    let (file, bytes) = posted.file.clone().ok_or_else(none)?;
    // Some browsers say where the file was.
    let name = file.rsplit(['/', '\\']).next().unwrap_or_default();
    let at = format!("/tenants/{}/modules/{}", part(tenant), part(name));
    let installed: Installed = visit.client.put(&at, bytes).await?;
    let title = match installed.findings.len() {
        0 => format!(
            "Module {} was installed, and nothing was found in it.",
            installed.module
        ),
        1 => format!("Module {} was installed, with 1 finding:", installed.module),
        found => format!(
            "Module {} was installed, with {found} findings:",
            installed.module
        ),
    };
    Ok(Note::good(title).with_lines(installed.findings))
}

/// Removes one.
pub async fn remove(
    visit: Visit,
    Path((tenant, module)): Path<(String, String)>,
    posted: Posted,
) -> Response {
    let at = format!("/tenants/{}/modules/{}", part(&tenant), part(&module));
    let removed = visit.client.act(Method::DELETE, &at, None).await;
    let note = removed.map(|()| Note::good(format!("Module {module} was removed.")));
    visit.answer(&address(&tenant), "modules", &posted, note)
}
