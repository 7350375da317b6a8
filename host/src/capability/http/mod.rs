//! HTTP requests, as WASI 0.2 and 0.3 have them: the client only.
//!
//! Requests, headers and bodies are `wasmtime-wasi-http`'s; sending is done here. Every request is
//! put to [`decide`](crate::policy::decide) by itself, so a redirect that a guest follows is a new
//! question. What is checked is what is connected to: one parsed host, resolved once and pinned,
//! and the `host` header is written from it.
//!
//! No redirect is followed here, so what is filled into a request ([`secret`]) goes where that was asked to go.

use std::fmt;

use wasmtime::component::Linker;
use wasmtime_wasi_http::p2::bindings::http::{outgoing_handler, types as types2};
use wasmtime_wasi_http::p3::bindings::http::{client, types as types3};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttp, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks,
};

use self::send::Sender;
use super::reach::ports;
use super::{CapabilityView, Devices, Guard, Prepare, Provider, Reach, StandIn};
use crate::error::Result;
use crate::limits::{HTTP_CHUNK_BYTES, MAX_HTTP_FIELDS_BYTES};
use crate::policy::pattern::PortPattern;
use crate::policy::{Capability, HttpGrant, Policy};

mod begin;
mod secret;
mod send;
mod target;

/// The ports of a grant that names none.
const HTTP: u16 = 80;
const HTTPS: u16 = 443;

/// The requests of one instance.
pub struct State {
    ctx: WasiHttpCtx,
    hooks: Hooks,
}

/// The capability.
pub struct Http;

impl Provider for Http {
    const CAPABILITY: Capability = Capability::Http;
    const STAND_IN: Option<StandIn> = Some(StandIn::Server);

    type State = State;

    fn prepare(guard: &Guard, cx: &Prepare) -> State {
        let mut ctx = WasiHttpCtx::new();
        ctx.set_field_size_limit(MAX_HTTP_FIELDS_BYTES);
        State {
            ctx,
            hooks: Hooks {
                sender: Sender::new(guard, cx),
            },
        }
    }

    fn link<T: CapabilityView>(linker: &mut Linker<T>, is_granted: bool) -> wasmtime::Result<()> {
        if !is_granted {
            return Ok(());
        }
        let options = types2::LinkOptions::default();
        types2::add_to_linker::<T, WasiHttp>(linker, &options, view)?;
        outgoing_handler::add_to_linker::<T, WasiHttp>(linker, view)?;
        types3::add_to_linker::<T, WasiHttp>(linker, view)?;
        client::add_to_linker::<T, WasiHttp>(linker, view)
    }

    fn reach(policy: &Policy, reach: &mut Reach) {
        for grant in &policy.http {
            reach.tcp = true;
            match grant.ports.as_slice() {
                [] => reach.connect.extend([HTTP, HTTPS]),
                named => reach.connect.extend(ports(named)),
            }
            reach.find(&grant.host);
        }
    }

    fn grant(devices: &Devices, policy: &mut Policy) {
        policy.http.extend(devices.hosts().map(|host| HttpGrant {
            host,
            methods: vec!["*".to_owned()],
            scheme: None,
            ports: vec![PortPattern::ANY],
            secrets: Vec::new(),
            until: None,
        }));
    }
}

fn view<T: CapabilityView>(data: &mut T) -> WasiHttpCtxView<'_> {
    let capabilities = data.capabilities();
    let State { ctx, hooks } = &mut capabilities.http;
    WasiHttpCtxView {
        hooks,
        ctx,
        table: &mut capabilities.table,
    }
}

/// Where `wasmtime-wasi-http` asks this host.
struct Hooks {
    sender: Sender,
}

/// Drives a connection until it ends.
type Driver = Box<dyn Future<Output = Result<(), Error>> + Send>;
/// A response, and what drives its connection.
type Answer = Result<(::http::Response<WasiBody>, Driver), Error>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: ::http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Driver,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        let sender = self.sender.clone();
        Box::new(async move { sender.send(request, options.unwrap_or_default()).await })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        HTTP_CHUNK_BYTES
    }

    fn p3_outgoing_body_chunk_size(&mut self) -> usize {
        HTTP_CHUNK_BYTES
    }

    // The library's own versions of these write warnings, which a guest could flood the log with.

    fn p2_error_from_hyper(&mut self, error: &hyper::Error) -> types2::ErrorCode {
        quietly(error, types2::ErrorCode::HttpProtocolError)
    }

    fn p3_error_from_hyper(&mut self, error: &hyper::Error) -> types3::ErrorCode {
        quietly(error, types3::ErrorCode::HttpProtocolError)
    }

    fn p2_error_from_connect(&mut self, error: &std::io::Error) -> types2::ErrorCode {
        quietly(error, types2::ErrorCode::ConnectionRefused)
    }

    fn p3_error_from_connect(&mut self, error: &std::io::Error) -> types3::ErrorCode {
        quietly(error, types3::ErrorCode::ConnectionRefused)
    }

    fn p2_error_from_tls(&mut self, error: &std::io::Error) -> types2::ErrorCode {
        quietly(error, types2::ErrorCode::TlsProtocolError)
    }

    fn p3_error_from_tls(&mut self, error: &std::io::Error) -> types3::ErrorCode {
        quietly(error, types3::ErrorCode::TlsProtocolError)
    }
}

fn quietly<R>(error: &dyn fmt::Display, code: R) -> R {
    tracing::debug!("a guest's HTTP request failed: {error}");
    code
}
