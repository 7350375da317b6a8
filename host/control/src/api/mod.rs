//! The HTTP API: one table of routes, from which the router and the OpenAPI document are made. Every request goes
//! through [`gate`], and only that runs a handler; so a route without a role cannot exist.

mod answer;
mod asked;
mod backup;
mod deeds;
mod events;
mod gate;
mod host;
mod idempotent;
mod instances;
mod modules;
mod openapi;
mod page;
mod places;
mod policies;
mod route;
mod said;
mod secrets;
mod table;
mod tenants;
mod tokens;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request};
use axum::response::Response;
use axum::routing::MethodRouter;

pub(crate) use events::Events;
pub(crate) use idempotent::Running;
pub(crate) use places::Places;

use crate::control::Control;
use gate::Target;
use route::Route;

/// What every path begins with.
pub const BASE: &str = "/api/v1";

/// The API of `control`.
///
/// Whoever listens puts a `ConnectInfo<SocketAddr>` into each request, or all clients count as one.
pub fn router(control: Arc<Control>) -> Router {
    let mut by_path: BTreeMap<&str, Vec<&'static Route>> = BTreeMap::new();
    for route in table::ROUTES {
        by_path.entry(route.path).or_default().push(route);
    }
    let mut router = Router::new();
    for (path, routes) in by_path {
        router = router.route(&format!("{BASE}{path}"), methods(&control, routes));
    }
    router.fallback(move |request: Request| {
        gate::enter(Arc::clone(&control), Target::Nothing, Vec::new(), request)
    })
}

/// The routes of the API: their methods, paths below [`BASE`] and the roles that they take; none: anybody.
pub fn routes() -> impl Iterator<Item = (&'static str, &'static str, Option<crate::Role>)> {
    let routes = table::ROUTES.iter();
    routes.map(|route| (route.verb.name(), route.path, route.needs))
}

/// The OpenAPI document of the API.
pub fn document() -> serde_json::Value {
    openapi::document()
}

/// All methods of one path. The router is not left to choose among them, since it says which there are to everybody.
fn methods(control: &Arc<Control>, routes: Vec<&'static Route>) -> MethodRouter {
    let control = Arc::clone(control);
    axum::routing::any(move |params: Params, request: Request| {
        let asked = match request.method().as_str() {
            "HEAD" => "GET",
            asked => asked,
        };
        let route = routes.iter().find(|route| route.verb.name() == asked);
        let target = match route {
            Some(route) => Target::Route(route),
            None => Target::Path(routes),
        };
        enter(&control, target, params, request)
    })
}

type Params = Result<RawPathParams, RawPathParamsRejection>;

fn enter(
    control: &Arc<Control>,
    target: Target,
    params: Params,
    request: Request,
) -> impl Future<Output = Response> + Send + use<> {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    // What is no text names nothing.
    let (target, params) = match params {
        Ok(params) => (target, params.iter().map(owned).collect()),
        Err(_) => (Target::Nothing, Vec::new()),
    };
    gate::enter(Arc::clone(control), target, params, request)
}
