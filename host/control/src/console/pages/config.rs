//! The configuration of an external worker. It is a page of its own, because the API writes down whenever somebody
//! reads the secrets of one.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use http::Method;
use serde_json::Value as Json;

use crate::console::field::{self, Field};
use crate::console::flash::{Note, draw};
use crate::console::posted::Posted;
use crate::console::schema;
use crate::console::text::{self, filters};
use crate::console::trouble::Trouble;
use crate::console::visit::{Frame, Visit};
use crate::model::{Form, InstanceState};

use super::instance::at;

#[derive(Template)]
#[template(path = "config.html")]
struct Page {
    frame: Frame,
    instance: InstanceState,
    fields: Vec<Field>,
}

/// The page.
pub async fn show(
    visit: Visit,
    Path((tenant, uuid)): Path<(String, String)>,
) -> Result<Response, Trouble> {
    let at = at(&tenant, &uuid);
    let instance: InstanceState = visit.client.get(&at).await?;
    let form: Form = visit.client.get(&format!("{at}/form")).await?;
    let title = format!(
        "Configuration of {}",
        text::shown(&instance.name, text::MAX_WORD_CHARS)
    );
    let frame = visit.frame(&title, Some(&tenant), "overview");
    Ok(draw(&Page {
        frame,
        instance,
        fields: schema::fields(&form),
    }))
}

/// Changes it.
pub async fn change(
    visit: Visit,
    Path((tenant, uuid)): Path<(String, String)>,
    posted: Posted,
) -> Response {
    let at = at(&tenant, &uuid);
    let changed = change_one(&visit, &at, &posted).await;
    visit.answer(&format!("/console{at}/config"), "config", &posted, changed)
}

async fn change_one(visit: &Visit, at: &str, posted: &Posted) -> Result<Note, Trouble> {
    let mut patch = field::read(&posted.fields, false)?;
    if patch.is_empty() {
        return Ok(Note::good(
            "Nothing was changed, since everything is as it was.",
        ));
    }
    if schema::has_masks(&patch) {
        let form: Form = visit.client.get(&format!("{at}/form")).await?;
        patch = schema::put_back(&form, patch)?;
    }
    let names: Vec<_> = patch.keys().cloned().collect();
    visit
        .client
        .act(
            Method::PATCH,
            &format!("{at}/config"),
            Some(&Json::Object(patch)),
        )
        .await?;
    Ok(Note::good("The configuration was changed.")
        .with_lines(vec![format!("Changed: {}.", names.join(", "))]))
}
