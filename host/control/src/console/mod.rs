//! The operator's console: pages for people, drawn here, from what the HTTP API answers to the token of who looks.
//!
//! It knows no supervisor and no store, only the API's router, so that it can do nothing that the API does not allow.
//! Pages work without script; htmx only saves loading them whole, and renews what lives.

mod assets;
mod client;
mod field;
mod flash;
mod guard;
mod masked;
mod pages;
mod posted;
mod schema;
mod session;
mod text;
mod trouble;
mod visit;

#[cfg(test)]
mod tests;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;

use self::session::Sessions;

pub use self::session::Bounds;

/// What every page has.
#[derive(Clone)]
struct Console {
    api: Router,
    sessions: Sessions,
}

/// The console, below `/console`, of the API that `api` serves below `/api/v1`. The API is not in it: serve
/// `api.clone().merge(router(api))`, with the peer's address as `ConnectInfo<SocketAddr>`, which is passed on to the
/// API.
pub fn router(api: Router) -> Router {
    router_with(api, Bounds::default())
}

/// See [`router`]; sessions are bounded as told.
pub fn router_with(api: Router, bounds: Bounds) -> Router {
    let console = Console {
        api,
        sessions: Sessions::new(bounds),
    };
    pages::router()
        .layer(from_fn_with_state(console.clone(), guard::guard))
        .layer(DefaultBodyLimit::max(posted::MAX_BYTES))
        .with_state(console)
}
