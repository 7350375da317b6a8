//! The API and the console over a supervisor that only plays, so that the pages can be looked at and driven without a
//! host: `cargo run -p external-worker-control --example console [PORT]`. It says where it listens, and the token of an
//! operator, as a line of JSON. Everything is forgotten when it ends.

mod lab;
#[path = "../../tests/support/mod.rs"]
#[allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "it is made for tests, which share it"
)]
mod support;

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use external_worker_control::{Config, Control, Place, console, router};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).map_or(Ok(0), |port| port.parse())?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let address = listener.local_addr()?;
    let data = tempfile::tempdir()?;
    let config = Config {
        data: data.path().to_owned(),
        place: Place {
            address,
            origins: Vec::new(),
        },
        upload_bytes: external_worker_control::limits::UPLOAD_BYTES,
    };
    let control = Control::begin(config, Arc::new(lab::Lab::default())).await?;
    let token = control
        .first_token()
        .await?
        .ok_or("there is a token already")?;
    let api = router(control);
    let app = api.clone().merge(console::router(api));
    println!(
        "{}",
        serde_json::json!({"url": format!("http://{address}"), "token": token.reveal()})
    );
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).await?;
    Ok(())
}
