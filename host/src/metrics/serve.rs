//! The port at which the page is had, apart from those of clients: who scrapes has no token, and is on this machine or
//! where the operator says.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use super::Gauges;
use super::page::{OfHost, page};
use crate::audit::Log;

/// The format of the page.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the page is made of.
struct Shared {
    gauges: Gauges,
    log: Option<Log>,
}

/// Serves the page, and whether the host lives and is ready, until it fails.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, gauges: Gauges, log: Option<Log>) -> std::io::Result<()> {
    let shared = Arc::new(Shared { gauges, log });
    let routes = Router::new()
        .route("/metrics", get(metrics))
        .route("/health/live", get(|| async { "it lives\n" }))
        .route("/health/ready", get(ready))
        .with_state(shared);
    axum::serve(listener, routes).await
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let host = OfHost {
        audit_is_written: shared.log.as_ref().map(|log| log.health().is_ok()),
    };
    match page(shared.gauges.tenants(), host) {
        Ok(page) => ([(CONTENT_TYPE, OPEN_METRICS)], page).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    if !shared.gauges.are_all_up() {
        let problem = "not every tenant is served\n";
        return (StatusCode::SERVICE_UNAVAILABLE, problem).into_response();
    }
    if shared.log.as_ref().is_some_and(|log| log.health().is_err()) {
        let problem = "the audit log is not written\n";
        return (StatusCode::SERVICE_UNAVAILABLE, problem).into_response();
    }
    "it is ready\n".into_response()
}
