//! One tenant: its external workers, its modules, and what becomes of it.

use askama::Template;
use axum::extract::{Path, RawQuery};
use axum::response::{IntoResponse, Redirect, Response};
use http::Method;
use serde_json::Value as Json;

use crate::console::client::{List, part};
use crate::console::flash::{Flash, Note, draw};
use crate::console::posted::Posted;
use crate::console::text::filters;
use crate::console::trouble::Trouble;
use crate::console::visit::{AGAIN, Frame, Visit};
use crate::model::{InstanceState, ModuleState, Quotas, Runs, TenantState};

use super::modules::{Lacking, lacking};
use super::tenants::{address, places};
use super::{LASTING, Part, if_served};

#[derive(Template)]
#[template(path = "tenant.html")]
struct Page {
    frame: Frame,
    tenant: TenantState,
    instances: Part<List<InstanceState>>,
    modules: Part<List<ModuleState>>,
    requests: Part<Vec<Lacking>>,
    places: Places,
}

impl Page {
    /// Whether it will be served in a moment, so that a browser without script loads the page again.
    fn is_starting(&self) -> bool {
        matches!(self.tenant.runs, Runs::Starting)
    }
}

/// What the form of a tenant begins with.
struct Places {
    port: String,
    origins: String,
    quotas: [(&'static str, &'static str, String); 5],
}

impl Places {
    fn of(tenant: &TenantState) -> Self {
        let Quotas {
            instances,
            memory,
            cpu_weight,
            disk,
            modules,
        } = &tenant.spec.quotas;
        let text =
            |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let mebibytes = |bytes: Option<u64>| text(bytes.map(|bytes| bytes.div_ceil(1 << 20)));
        Self {
            port: tenant.spec.port.to_string(),
            origins: tenant.spec.allow_origin.join("\n"),
            quotas: [
                (
                    "instances",
                    "External workers",
                    text(instances.map(u64::from)),
                ),
                ("modules", "Modules", text(modules.map(u64::from))),
                ("memory", "Memory, MiB", mebibytes(*memory)),
                ("disk", "Disk, MiB", mebibytes(*disk)),
                ("cpu-weight", "CPU weight", text(cpu_weight.map(u64::from))),
            ],
        }
    }
}

/// The page.
pub async fn show(
    visit: Visit,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    let at = format!("/tenants/{}", part(&name));
    let tenant: TenantState = visit.client.get(&at).await?;
    let (of_instances, of_modules) = (format!("{at}/instances"), format!("{at}/modules"));
    let instances = if_served(&tenant, visit.client.list(&of_instances)).await?;
    let modules = if_served(&tenant, visit.client.list(&of_modules)).await?;
    let requests = if_served(&tenant, lacking(&visit.client, &at)).await?;
    let mut frame = visit.frame(&name, Some(&name), "overview");
    let again = format!("{}?{AGAIN}", visit.path);
    if query.as_deref() == Some(AGAIN) && frame.flash.is_none() {
        frame.flash = visit.sessions.take(&visit.session, &again);
    }
    let places = Places::of(&tenant);
    let page = Page {
        frame,
        tenant,
        instances,
        modules,
        requests,
        places,
    };
    // What is said now was hardly read when a browser without script loads the page again.
    if let Some(flash) = page.frame.flash.clone().filter(|_| page.is_starting()) {
        visit.sessions.leave(&visit.session, &again, flash);
    }
    Ok(draw(&page))
}

/// Changes where it listens and what it may use.
pub async fn change(visit: Visit, Path(name): Path<String>, posted: Posted) -> Response {
    let at = format!("/tenants/{}", part(&name));
    let changed = match places(&posted) {
        Ok(changes) => {
            visit
                .client
                .act(Method::PATCH, &at, Some(&Json::Object(changes)))
                .await
        }
        Err(trouble) => Err(trouble),
    };
    let done = changed.map(|()| Note::good(format!("Tenant {name} was changed.")));
    visit.answer(&address(&name), "change", &posted, done)
}

/// Ends serving it.
pub async fn suspend(visit: Visit, Path(name): Path<String>, posted: Posted) -> Response {
    turn(&visit, &name, &posted, "suspend", "suspended").await
}

/// Serves it again.
pub async fn resume(visit: Visit, Path(name): Path<String>, posted: Posted) -> Response {
    turn(&visit, &name, &posted, "resume", "resumed").await
}

async fn turn(visit: &Visit, name: &str, posted: &Posted, action: &str, done: &str) -> Response {
    let at = format!("/tenants/{}/{action}", part(name));
    let turned = visit.client.act(Method::POST, &at, None).await;
    let note = turned.map(|()| Note::good(format!("Tenant {name} was {done}.")));
    let is_in_list = posted.get("from") == "list";
    let to = if is_in_list {
        "/console/tenants".to_owned()
    } else {
        address(name)
    };
    visit.answer(&to, "state", posted, note)
}

#[derive(Template)]
#[template(path = "remove.html")]
struct RemovePage {
    frame: Frame,
    tenant: TenantState,
}

/// Asks whether it is to be removed.
pub async fn ask_remove(visit: Visit, Path(name): Path<String>) -> Result<Response, Trouble> {
    let tenant = visit
        .client
        .get(&format!("/tenants/{}", part(&name)))
        .await?;
    let frame = visit.frame(&format!("Remove {name}"), Some(&name), "overview");
    Ok(draw(&RemovePage { frame, tenant }))
}

/// Removes it.
pub async fn remove(visit: Visit, Path(name): Path<String>, posted: Posted) -> Response {
    match remove_one(&visit, &name, &posted).await {
        Ok(note) => {
            let to = "/console/tenants";
            visit.sessions.leave(&visit.session, to, Flash::top(note));
            Redirect::to(to).into_response()
        }
        Err(trouble) => visit.answer(
            &format!("{}/remove", address(&name)),
            "remove",
            &posted,
            Err(trouble),
        ),
    }
}

async fn remove_one(visit: &Visit, name: &str, posted: &Posted) -> Result<Note, Trouble> {
    let data = posted.get("data");
    if !matches!(data, "keep" | "remove") {
        return Err(Trouble::wrong(
            "Say what becomes of the data: keep it, or remove it.",
        ));
    }
    if posted.get("name") != name {
        return Err(Trouble::wrong(
            "Type the name of the tenant, to show that you mean this one.",
        ));
    }
    let at = format!("/tenants/{}?data={data}", part(name));
    visit.client.act(Method::DELETE, &at, None).await?;
    let what = if data == "keep" {
        "Its data stays."
    } else {
        "Its data was removed."
    };
    Ok(Note::good(format!("Tenant {name} was removed.")).with_lines(vec![what.to_owned()]))
}
