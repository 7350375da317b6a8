//! One external worker: what it does, its methods by hand, its log.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::console::client::part;
use crate::console::field::{self, Field};
use crate::console::flash::{Flash, Note, draw};
use crate::console::posted::Posted;
use crate::console::text::{self, filters};
use crate::console::trouble::Trouble;
use crate::console::visit::{Frame, Visit};
use crate::model::{InstanceState, LogLine};

use super::live::{last_of, log_of};
use super::tenants::address;
use super::{Part, part_of};

#[derive(Template)]
#[template(path = "instance.html")]
struct Page {
    frame: Frame,
    instance: InstanceState,
    methods: Vec<ByHand>,
    log: Part<Vec<LogLine>>,
    here: String,
    last: u64,
}

/// A method, to be called by hand.
struct ByHand {
    name: String,
    description: String,
    outputs: String,
    fields: Vec<Field>,
    form: String,
}

fn by_hand(instance: &InstanceState) -> Vec<ByHand> {
    let methods = instance.methods.iter().map(|method| ByHand {
        name: method.name.clone(),
        description: method.description.clone(),
        outputs: method
            .outputs
            .iter()
            .map(|port| format!("{}: {}", port.name, port.kind))
            .collect::<Vec<_>>()
            .join(", "),
        fields: method
            .inputs
            .iter()
            .map(|port| Field::of_port(&port.name, &port.kind))
            .collect(),
        form: format!("call-{}", part(&method.name)),
    });
    methods.collect()
}

/// Where the API has an external worker.
pub fn at(tenant: &str, uuid: &str) -> String {
    format!("/tenants/{}/instances/{}", part(tenant), part(uuid))
}

/// The page.
pub async fn show(
    visit: Visit,
    Path((tenant, uuid)): Path<(String, String)>,
) -> Result<Response, Trouble> {
    let at = at(&tenant, &uuid);
    let instance: InstanceState = visit.client.get(&at).await?;
    let log = part_of(log_of(&visit.client, &at, 0).await)?;
    let title = text::shown(&instance.name, text::MAX_WORD_CHARS);
    let frame = visit.frame(&title, Some(&tenant), "overview");
    let methods = by_hand(&instance);
    let (here, last) = (format!("/console{at}"), last_of(&log));
    Ok(draw(&Page {
        frame,
        instance,
        methods,
        log,
        here,
        last,
    }))
}

/// Makes one.
pub async fn make(visit: Visit, Path(tenant): Path<String>, posted: Posted) -> Response {
    let made = make_one(&visit, &tenant, &posted).await;
    visit.answer(&address(&tenant), "instance", &posted, made)
}

async fn make_one(visit: &Visit, tenant: &str, posted: &Posted) -> Result<Note, Trouble> {
    // Neither has a line break in it, so this splits between them.
    let of = posted
        .get("of")
        .split_once('\n')
        .map(|(module, class)| (module.trim(), class.trim()));
    let (module, class) =
        of.ok_or_else(|| Trouble::wrong("Choose a class of external workers."))?;
    let config = posted
        .some("config")
        .map(serde_json::from_str::<Map<String, Json>>)
        .transpose();
    let config = config.map_err(|_| {
        Trouble::wrong("The configuration has to be a JSON object, such as {\"interval\": 2}.")
    })?;
    let body =
        json!({"module": module, "class": class, "name": posted.some("name"), "config": config});
    let at = format!("/tenants/{}/instances", part(tenant));
    let made: InstanceState = visit.client.send(Method::POST, &at, Some(&body)).await?;
    Ok(Note::good(format!(
        "External worker {} was made.",
        made.name
    )))
}

/// Pauses, resumes, restarts or removes it.
pub async fn act(
    visit: Visit,
    Path((tenant, uuid, action)): Path<(String, String, String)>,
    posted: Posted,
) -> Result<Response, Trouble> {
    let at = at(&tenant, &uuid);
    let here = format!("/console{at}");
    let (method, path, done) = match action.as_str() {
        "pause" => (Method::POST, format!("{at}/pause"), "Its loop is paused."),
        "resume" => (Method::POST, format!("{at}/resume"), "Its loop goes on."),
        "restart" => (
            Method::POST,
            format!("{at}/restart"),
            "It is started again.",
        ),
        "remove" => (Method::DELETE, at, "The external worker was removed."),
        _ => return Err(Trouble::missing()),
    };
    let note = visit
        .client
        .act(method, &path, None)
        .await
        .map(|()| Note::good(done));
    match note {
        Ok(note) if action == "remove" => {
            let to = address(&tenant);
            visit.sessions.leave(&visit.session, &to, Flash::top(note));
            Ok(Redirect::to(&to).into_response())
        }
        note => Ok(visit.answer(&here, "state", &posted, note)),
    }
}

#[derive(Deserialize)]
struct Outputs {
    outputs: BTreeMap<String, Json>,
}

/// Calls a method by hand.
pub async fn call(
    visit: Visit,
    Path((tenant, uuid, method)): Path<(String, String, String)>,
    posted: Posted,
) -> Response {
    let at = at(&tenant, &uuid);
    let called = call_one(&visit, &at, &method, &posted).await;
    visit.answer(
        &format!("/console{at}"),
        &format!("call-{}", part(&method)),
        &posted,
        called,
    )
}

async fn call_one(visit: &Visit, at: &str, method: &str, posted: &Posted) -> Result<Note, Trouble> {
    let inputs = field::read(&posted.fields, true)?;
    let path = format!("{at}/methods/{}", part(method));
    let told: Outputs = visit
        .client
        .send(Method::POST, &path, Some(&json!({"inputs": inputs})))
        .await?;
    let lines = told
        .outputs
        .iter()
        .map(|(name, value)| format!("{name} = {}", text::json(value)));
    let block = lines.collect::<Vec<_>>().join("\n");
    let note = Note::good(format!("{method} returned"));
    Ok(if block.is_empty() {
        Note::good(format!("{method} returned nothing"))
    } else {
        note.with_block(block)
    })
}
