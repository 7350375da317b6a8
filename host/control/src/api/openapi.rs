//! The OpenAPI document, made from the table of routes and the types that they take and give.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde_json::{Map, Value as Json, json};

use super::BASE;
use super::answer::ProblemDocument;
use super::route::{Gives, Kind, Route, Takes, kind};
use super::table::ROUTES;
use crate::limits::MAX_SECRET_BYTES;
use crate::model::Code;
use crate::numbers::MOST;
use crate::role::Role;

/// What a name of a tenant looks like.
const TENANT: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$";

static TEXT: LazyLock<String> = LazyLock::new(|| document().to_string());

/// The document as it is sent.
pub(super) fn text() -> &'static str {
    &TEXT
}

/// The document.
pub(super) fn document() -> Json {
    let mut paths: BTreeMap<String, Map<String, Json>> = BTreeMap::new();
    for route in ROUTES {
        let path = paths.entry(format!("{BASE}{}", route.path)).or_default();
        path.insert(route.verb.name().to_ascii_lowercase(), operation(route));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "external-worker control plane",
            "description": "Tenants of a sandbox host, who may do what with them, and their external workers.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": { "token": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "ewh-ID-SECRET",
                "description": "A token of an operator, or of a tenant.",
            } },
        },
    })
}

fn operation(route: &Route) -> Json {
    let id = format!("{} {}", route.verb.name(), route.path);
    let is_word = |c: char| c.is_ascii_alphanumeric();
    let words = id.split(|c| !is_word(c)).filter(|word| !word.is_empty());
    let id: Vec<_> = words.map(str::to_ascii_lowercase).collect();
    let takes = match route.needs {
        None => "Takes no token.".to_owned(),
        Some(role) => format!("Takes the role {role}."),
    };
    let mut operation = json!({
        "operationId": id.join("-"),
        "summary": route.says,
        "description": takes,
        "parameters": parameters(route),
        "responses": responses(route),
    });
    if let Some(body) = body(route.takes) {
        set(&mut operation, "requestBody", body);
    }
    if route.needs.is_none() {
        set(&mut operation, "security", json!([]));
    }
    operation
}

fn set(object: &mut Json, member: &str, value: Json) {
    if let Json::Object(members) = object {
        members.insert(member.to_owned(), value);
    }
}

fn parameters(route: &Route) -> Vec<Json> {
    let names = route.path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?;
        name.strip_suffix('}')
    });
    let mut parameters: Vec<_> = names.map(in_path).collect();
    let query = (route.query)().into_iter();
    parameters.extend(query.filter_map(|it| serde_json::to_value(it).ok()));
    parameters.iter_mut().for_each(bound_numbers);
    if route.is_kept() {
        parameters.push(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "The same request with the same key is done once and answered alike, for a day.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$" },
            "example": "6f9619ff-8b86-d011-b42d-00c04fc964ff",
        }));
    }
    parameters
}

/// A parameter of a path, by its name.
fn in_path(name: &str) -> Json {
    let module = "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$";
    let (pattern, example, says) = match name {
        "tenant" => (TENANT, "lab", "The tenant."),
        "id" => ("^[a-z2-7]{10}$", "k3mzqw7tbe", "The id of the token."),
        "uuid" => (
            "^[0-9a-fA-F-]{1,64}$",
            "0f8fad5bd9cb469fa16570867728950e",
            "The external worker.",
        ),
        "method" => (
            "^[A-Za-z0-9_][A-Za-z0-9 ._-]{0,127}$",
            "read",
            "The method.",
        ),
        "secret" => (
            "^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$",
            "api-token",
            "The secret.",
        ),
        "capability" => ("^[a-z0-9-]{1,64}$", "http", "The capability."),
        _ => (
            module,
            "thermometer.wasm",
            "The module; when it is put, its file.",
        ),
    };
    json!({
        "name": name,
        "in": "path",
        "required": true,
        "description": says,
        "schema": { "type": "string", "pattern": pattern },
        "example": example,
    })
}

fn body(takes: Takes) -> Option<Json> {
    let (media, schema) = match takes {
        Takes::Nothing => return None,
        Takes::Json(kind) => ("application/json", reference(kind)),
        Takes::File => (
            "application/octet-stream",
            json!({ "type": "string", "format": "binary" }),
        ),
        Takes::Secret => (
            "application/octet-stream",
            json!({ "type": "string", "format": "binary", "minLength": 1, "maxLength": MAX_SECRET_BYTES }),
        ),
    };
    Some(json!({ "required": true, "content": { media: { "schema": schema } } }))
}

fn reference(kind: Kind) -> Json {
    json!({ "$ref": format!("#/components/schemas/{}", (kind.name)()) })
}

fn responses(route: &Route) -> Json {
    let content = match route.gives {
        Gives::Nothing => None,
        Gives::Json(kind) => Some(("application/json", reference(kind))),
        Gives::Page(kind) => Some(("application/json", page(kind))),
        Gives::Stream => Some(("text/event-stream", event())),
        Gives::Archive => Some((
            "application/x-tar",
            json!({ "type": "string", "format": "binary" }),
        )),
    };
    let mut done = json!({ "description": "It is done.", "headers": headers() });
    if let Some((media, schema)) = content {
        set(&mut done, "content", json!({ media: { "schema": schema } }));
    }
    let mut responses = Map::new();
    for status in problems(route) {
        responses.insert(status.to_string(), problem(status));
    }
    responses.insert(route.status.to_string(), done);
    Json::Object(responses)
}

fn headers() -> Json {
    json!({ "X-Request-Id": {
        "description": "What the log of the host knows the request by.",
        "schema": { "type": "string" },
    } })
}

/// One of the events of a stream.
fn event() -> Json {
    json!({
        "type": "object",
        "description": "One event; its data is JSON.",
        "properties": {
            "event": { "enum": ["tenant", "instances", "usage"] },
            "data": { "type": "string" },
        },
    })
}

fn page(kind: Kind) -> Json {
    json!({
        "type": "object",
        "required": ["items", "next"],
        "properties": {
            "items": { "type": "array", "items": reference(kind) },
            "next": {
                "type": ["string", "null"],
                "description": "`after` of the next page; null: there is none.",
            },
        },
    })
}

/// The statuses of reasons not to do what a route does.
fn problems(route: &Route) -> BTreeSet<u16> {
    let mut codes = vec![Code::BadRequest, Code::MethodNotAllowed, Code::Internal];
    codes.extend(route.problems);
    if let Some(role) = route.needs {
        codes.extend([Code::Unauthenticated, Code::TooMany, Code::Unavailable]);
        if role > Role::Viewer || route.may_change() {
            codes.push(Code::Forbidden);
        }
    }
    if route.is_of_tenant() {
        codes.extend([Code::NotFound, Code::Conflict]);
    }
    if route.may_change() {
        codes.extend([Code::Conflict, Code::Invalid]);
    }
    if !matches!(route.takes, Takes::Nothing) {
        codes.push(Code::TooLarge);
    }
    codes.into_iter().map(Code::status).collect()
}

fn problem(status: u16) -> Json {
    let codes = Code::ALL.iter().filter(|code| code.status() == status);
    let names: Vec<_> = codes.map(|code| code.name()).collect();
    let mut headers = headers();
    let number = json!({ "schema": { "type": "integer" }, "description": "Seconds to wait." });
    let text = json!({ "schema": { "type": "string" } });
    match status {
        401 => set(&mut headers, "WWW-Authenticate", text),
        405 => set(&mut headers, "Allow", text),
        429 => set(&mut headers, "Retry-After", number),
        _ => {}
    }
    json!({
        "description": format!("It is not done: {}.", names.join(", ")),
        "headers": headers,
        "content": { "application/problem+json": { "schema": reference(kind::<ProblemDocument>()) } },
    })
}

fn schemas() -> BTreeMap<String, Json> {
    let mut kinds = vec![kind::<ProblemDocument>()];
    for route in ROUTES {
        if let Takes::Json(kind) = route.takes {
            kinds.push(kind);
        }
        if let Gives::Json(kind) | Gives::Page(kind) = route.gives {
            kinds.push(kind);
        }
    }
    let mut parts = Vec::new();
    for kind in kinds {
        parts.push(((kind.name)().into_owned(), (kind.schema)()));
        (kind.parts)(&mut parts);
    }
    let named = parts.into_iter().filter_map(|(name, schema)| {
        // A schema is JSON, which always has a value.
        Some((name, serde_json::to_value(schema).ok()?))
    });
    let mut schemas = named.collect();
    flatten(&mut schemas, "TenantState");
    bound_origins(&mut schemas);
    schemas.values_mut().for_each(bound_numbers);
    schemas
}

/// Makes one object of those that a type is made of; each of them alone would refuse the members of the others.
fn flatten(schemas: &mut BTreeMap<String, Json>, name: &str) {
    let Some(Json::Array(parts)) = schemas.get(name).and_then(|it| it.get("allOf")).cloned() else {
        return;
    };
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for part in &parts {
        let of = part.get("$ref").and_then(Json::as_str);
        let of = of.and_then(|path| path.rsplit('/').next());
        let part = of.and_then(|of| schemas.get(of)).unwrap_or(part);
        if let Some(Json::Object(more)) = part.get("properties") {
            properties.extend(more.clone());
        }
        if let Some(Json::Array(more)) = part.get("required") {
            required.extend(more.iter().cloned());
        }
    }
    if let Some(schema) = schemas.get_mut(name) {
        if let Json::Object(members) = schema {
            members.remove("allOf");
        }
        set(schema, "type", json!("object"));
        set(schema, "properties", Json::Object(properties));
        set(schema, "required", Json::Array(required));
    }
}

/// Says what an origin is, wherever there is one: items of a list have no words of their own in Rust.
fn bound_origins(schemas: &mut BTreeMap<String, Json>) {
    for schema in schemas.values_mut() {
        if let Some(origins) = schema.pointer_mut("/properties/allow-origin") {
            set(origins, "maxItems", json!(crate::limits::MAX_ORIGINS));
            set(
                origins,
                "items",
                json!({
                    "type": "string",
                    "maxLength": crate::limits::MAX_ORIGIN_BYTES,
                    "pattern": "^https?://[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,4})?$",
                    "examples": ["https://example.org"],
                }),
            );
        }
    }
}

/// Says how large whole numbers may be, where the type of Rust does.
fn bound_numbers(schema: &mut Json) {
    if let Json::Array(items) = schema {
        items.iter_mut().for_each(bound_numbers);
    }
    let Json::Object(members) = schema else {
        return;
    };
    members.values_mut().for_each(bound_numbers);
    if members.get("minimum") == Some(&json!(0)) && !members.contains_key("maximum") {
        let most = match members.get("format").and_then(Json::as_str) {
            Some("int32") => json!(u32::MAX),
            Some("int64") => json!(MOST),
            _ => return,
        };
        members.insert("maximum".to_owned(), most);
        // 32 bits without a sign are more than `int32` has.
        members.insert("format".to_owned(), json!("int64"));
    }
}
