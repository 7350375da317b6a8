//! Serves the API over tenants that are only in memory, for clients and checkers of APIs to try: `cargo run --example serve
//! -- PORT` prints a token of an operator and the address.

#[path = "../tests/support/mod.rs"]
#[allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "it is made for tests, which share it"
)]
mod support;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use external_worker_control::{Config, Control, Place, limits, router};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).ok_or("say which port")?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse()?));
    let dir = tempfile::tempdir()?;
    let config = Config {
        data: dir.path().to_owned(),
        place: Place {
            address,
            origins: Vec::new(),
        },
        upload_bytes: limits::UPLOAD_BYTES,
    };
    let control = Control::begin(config, Arc::new(support::Memory::default())).await?;
    let token = control.first_token().await?;
    let token = token.ok_or("there is a token already")?;
    println!("{}", token.reveal());
    println!("http://{address}/api/v1");
    let routes = router(control).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(TcpListener::bind(address).await?, routes).await?;
    Ok(())
}
