//! An API that says what a test wants: hand-made answers, by role, with the same hostile text wherever there is text.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, StatusCode};
use serde_json::{Value as Json, json};

/// What was asked of the API: a method with a path, and a body.
pub type Asked = Arc<Mutex<Vec<(String, Json)>>>;

/// The API. A token is a role; `say` is in each text.
pub fn api(say: &str, asked: Asked) -> Router {
    let say = say.to_owned();
    Router::new().fallback(move |request: Request| {
        let (say, asked) = (say.clone(), Arc::clone(&asked));
        async move { answer(&say, &asked, request).await }
    })
}

async fn answer(say: &str, asked: &Asked, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().unwrap().to_string();
    let path = path.strip_prefix("/api/v1").unwrap().to_owned();
    let token = parts
        .headers
        .get(AUTHORIZATION)
        .and_then(|token| token.to_str().ok());
    let role = token
        .and_then(|token| token.strip_prefix("Bearer "))
        .unwrap_or_default();
    if !["viewer", "author", "owner", "operator"].contains(&role) {
        return problem(StatusCode::UNAUTHORIZED, say);
    }
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let json = serde_json::from_slice(&body).unwrap_or(Json::Null);
    asked
        .lock()
        .unwrap()
        .push((format!("{} {path}", parts.method), json));
    let plain = path.split('?').next().unwrap();
    match parts.method {
        Method::GET => got(say, role, plain),
        _ => done(say, plain),
    }
}

fn got(say: &str, role: &str, path: &str) -> Response {
    let parts: Vec<_> = path.split('/').skip(1).collect();
    let one = match parts.as_slice() {
        ["me"] => {
            let tenant = (role != "operator").then_some(say);
            json!({"id": say, "role": role, "tenant": tenant, "expires": 2_000_000_000})
        }
        ["tenants"] => list(json!([tenant(say), down(say)])),
        ["tenants", "broken"] => return problem(StatusCode::NOT_FOUND, say),
        ["tenants", "away", ..] if parts.len() > 2 => {
            return problem(StatusCode::SERVICE_UNAVAILABLE, say);
        }
        ["tenants", "starting"] => {
            json!({"name": say, "suspended": false, "runs": {"state": "starting"}})
        }
        ["tenants", "down"] => down(say),
        ["tenants", _] => tenant(say),
        ["tokens"] | ["tenants", _, "tokens"] => {
            list(json!([{"id": say, "role": "owner", "tenant": say, "expires": null}]))
        }
        ["tenants", _, "modules"] => list(json!([module(say)])),
        ["tenants", _, "requests"] => {
            list(json!([{"module": say, "capability": say, "reason": say, "example": say}]))
        }
        ["tenants", _, "instances"] => list(json!([instance(say)])),
        ["tenants", _, "instances", _] => instance(say),
        ["tenants", _, "instances", _, "form"] => form(say),
        ["tenants", _, "instances", _, "log"] => list(
            json!([{"number": 1, "at": 3, "level": say, "text": say}, {"number": 2, "at": 4, "level": "warn", "text": say}]),
        ),
        ["tenants", _, "policies"] => list(json!([
            {"module": say, "problem": say, "grants": [{"capability": say, "line": say}]},
            {"module": null, "problem": null, "grants": []},
        ])),
        ["tenants", "bare", "secrets"] => return problem(StatusCode::NOT_FOUND, say),
        ["tenants", _, "secrets"] => list(json!([{"name": say, "version": 3, "changed": 4}])),
        ["tenants", _, "usage"] => json!({"cpu": 1.5, "memory": 2, "instances": {say: usage()}}),
        ["tenants", _, "events"] => {
            return (
                [(CONTENT_TYPE, "text/event-stream")],
                Body::from("event: tenant\ndata: {}\n\n"),
            )
                .into_response();
        }
        ["usage"] => {
            list(json!([{"tenant": say, "cpu": 1.5, "memory": 2, "instances": {"u": usage()}}]))
        }
        ["audit"] => {
            json!({"records": [{"seq": 7, "at": say, "event": say, "by": say, "tenant": say, "module": say,
            "instance": say, "who": say, "what": say, "reason": say, "more": 1234}]})
        }
        ["audit", "verify"] => {
            json!({"whole": false, "problem": say, "records": 3, "checkpoint": say})
        }
        _ => return problem(StatusCode::NOT_FOUND, say),
    };
    axum::Json(one).into_response()
}

fn done(say: &str, path: &str) -> Response {
    let parts: Vec<_> = path.split('/').skip(1).collect();
    let one = match parts.as_slice() {
        [.., "refused", _] | [.., "refused"] => {
            return problem(StatusCode::UNPROCESSABLE_ENTITY, say);
        }
        ["tenants", "gone", ..] => return problem(StatusCode::UNAUTHORIZED, say),
        ["tenants"] => tenant(say),
        ["tokens"] | ["tenants", _, "tokens"] => {
            json!({"id": say, "role": "owner", "tenant": say, "expires": 4, "token": say})
        }
        ["tenants", _, "modules", _] => json!({"module": say, "findings": [say, say]}),
        ["tenants", _, "instances"] => instance(say),
        ["tenants", _, "instances", _, "methods", _] => json!({"outputs": {say: say, "n": 3}}),
        ["tenants", _, "grants", ..] => {
            json!({"module": say, "problem": say, "grants": [{"capability": say, "line": say}]})
        }
        _ => return StatusCode::NO_CONTENT.into_response(),
    };
    axum::Json(one).into_response()
}

fn list(items: Json) -> Json {
    json!({"items": items, "next": null})
}

fn problem(status: StatusCode, say: &str) -> Response {
    let body = json!({"type": "x", "title": say, "status": status.as_u16(), "code": "x", "detail": say, "request-id": say});
    (
        status,
        [(CONTENT_TYPE, "application/problem+json")],
        body.to_string(),
    )
        .into_response()
}

fn tenant(say: &str) -> Json {
    let quotas = json!({"instances": 3, "memory": 1 << 30, "cpu-weight": 7});
    json!({"name": say, "host": say, "port": 1, "allow-origin": [say], "quotas": quotas, "suspended": false,
        "runs": {"state": "serving", "address": say, "uuid": say, "pid": 4}})
}

fn down(say: &str) -> Json {
    json!({"name": say, "suspended": true, "runs": {"state": "down", "problem": say}})
}

fn module(say: &str) -> Json {
    json!({"name": say, "version": say, "problem": say, "classes": [say],
        "requests": [{"capability": say, "reason": say, "granted": false}]})
}

fn instance(say: &str) -> Json {
    let port = json!({"name": say, "type": say});
    let ports = json!([port, {"name": "n", "type": "float"}, {"name": "b", "type": "bool"}]);
    json!({"uuid": say, "name": say, "class": say, "module": say, "state": say, "problem": say, "paused": false,
        "config": {say: say}, "methods": [{"name": say, "description": say, "inputs": ports, "outputs": [port]}],
        "usage": usage()})
}

fn usage() -> Json {
    json!({"cpu": 1.5, "throttled": 0.5, "memory": 1 << 20, "calls": 1234, "call_errors": 1, "open_calls": 2,
        "turns": 9, "turn_errors": 1, "restarts": 1})
}

fn form(say: &str) -> Json {
    let text = json!({"type": "string", "title": say, "description": say, "default": say});
    let choice = json!({"enum": [say, 3]});
    json!({
        "json_schema": {"properties": {"a": text, "b": choice, say: text, "c": {"type": "array"},
            "d": {"type": "boolean"}, "e": {"type": "string", "writeOnly": true}, "f": {"type": "integer", "minimum": 1},
            "g": {"type": "object", "properties": {"h": text, "i": {"type": "string", "format": "password"}}},
            "p": {"type": "integer", "writeOnly": true}}},
        "ui_schema": {"a": {"ui:widget": say}},
        "form_data": {"g": {"h": say, "i": "s3cr3t"}, "p": 7364, "a": say, "b": say, "c": [say], "d": true, "e": "s3cr3t", "f": 2, say: say},
    })
}
