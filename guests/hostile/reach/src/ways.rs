//! The ways to the world, through WASI 0.2 and 0.3, that attacks take.

use std::fmt::Debug;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
pub use std::time::Duration;

use external_worker::bindings::wasi::filesystem::preopens;
pub use external_worker::bindings::wasi::filesystem::types as p3;
use external_worker::bindings::wasi::sockets::ip_name_lookup::resolve_addresses;
pub use external_worker::bindings::wasi::sockets::types as net;
pub use external_worker::serial::{Port as SerialPort, Settings};
pub use external_worker::tcp::{TcpListener, TcpStream};
pub use external_worker::udp::UdpSocket;
pub use external_worker::{files, http};
/// The same of WASI 0.2.
pub mod p2 {
    pub use wasip2::clocks::wall_clock::Datetime;
    pub use wasip2::filesystem::types::*;
}
use wasip2::io::streams::StreamError;
use wasip2::sockets::network as net2;

use crate::attack::*;

/// A failure of WASI, by its name.
pub fn no(error: impl Debug) -> Error {
    Error::unavailable(format!("{error:?}"))
}

/// The same of WASI 0.2, whose files have names for theirs.
pub fn no2(error: p2::ErrorCode) -> Error {
    Error::unavailable(error.name())
}

/// What succeeded and should not have.
pub fn done((): ()) -> String {
    "done".to_owned()
}

/// The same of a port.
pub fn name(_port: SerialPort) -> String {
    "opened".to_owned()
}

/// Tells the test how far it is.
pub fn log(line: &str) {
    raw::log(raw::Level::Info, line);
}

/// Waits for all of `work` at once.
pub async fn all<F: Future>(work: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut work: Vec<_> = work.map(|one| (Box::pin(one), None)).collect();
    poll_fn(|cx| {
        for (one, output) in work.iter_mut().filter(|(_, output)| output.is_none()) {
            if let Poll::Ready(ready) = one.as_mut().poll(cx) {
                *output = Some(ready);
            }
        }
        match work.iter().all(|(_, output)| output.is_some()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    work.into_iter().filter_map(|(_, output)| output).collect()
}

pub async fn read3(path: &str) -> Result<String> {
    files::read_to_string(path).await
}

/// Opens `path` of the granted folder. Without the standard library: it looks at names itself, and its C
/// library decides what it makes of the host's answer.
pub fn open2(path: &str, how: p2::OpenFlags, flags: p2::DescriptorFlags) -> Result<p2::Descriptor> {
    let follow = p2::PathFlags::SYMLINK_FOLLOW;
    folder2().open_at(follow, path, how, flags).map_err(no2)
}

pub fn read2(path: &str) -> Result<String> {
    let file = open2(path, p2::OpenFlags::empty(), p2::DescriptorFlags::READ)?;
    let (bytes, _end) = file.read(1_000, 0).map_err(no2)?;
    Ok(String::from_utf8(bytes)?)
}

pub async fn write3(path: &str, bytes: usize) -> Result<String> {
    files::write(path, vec![b'x'; bytes]).await.map(done)
}

pub fn write2(path: &str, bytes: usize) -> Result<String> {
    let how = p2::OpenFlags::CREATE | p2::OpenFlags::TRUNCATE;
    let file = open2(path, how, p2::DescriptorFlags::WRITE)?;
    let stream = file.write_via_stream(0).map_err(no2)?;
    // The most that a stream takes at once.
    for part in vec![b'x'; bytes].chunks(4_096) {
        stream.blocking_write_and_flush(part).map_err(failed2)?;
    }
    Ok(done(()))
}

/// Why a stream of a file failed.
fn failed2(error: StreamError) -> Error {
    match error {
        StreamError::Closed => Error::unavailable("closed"),
        StreamError::LastOperationFailed(error) => match p2::filesystem_error_code(&error) {
            Some(code) => no2(code),
            None => no(error.to_debug_string()),
        },
    }
}

/// [`hoard`], with the host's name for why there was no more.
pub fn hoard2<T>(mut take: impl FnMut() -> std::result::Result<T, p2::ErrorCode>) -> String {
    let mut held = Vec::new();
    loop {
        match take() {
            Ok(one) => held.push(one),
            Err(error) => return format!("{} and {}", held.len(), error.name()),
        }
    }
}

/// The granted folder.
pub fn folder3() -> p3::Descriptor {
    preopens::get_directories().remove(0).0
}

/// The granted folder.
pub fn folder2() -> p2::Descriptor {
    wasip2::filesystem::preopens::get_directories().remove(0).0
}

pub async fn connect3(address: &str) -> Result<String> {
    Ok(TcpStream::connect(address).await?.peer_addr()?.to_string())
}

pub fn connect2(address: &str) -> Result<String> {
    let address: SocketAddr = address.parse().map_err(no)?;
    let (family, place) = match address {
        SocketAddr::V4(v4) => (
            net2::IpAddressFamily::Ipv4,
            net2::IpSocketAddress::Ipv4(net2::Ipv4SocketAddress {
                port: v4.port(),
                address: v4.ip().octets().into(),
            }),
        ),
        SocketAddr::V6(v6) => (
            net2::IpAddressFamily::Ipv6,
            net2::IpSocketAddress::Ipv6(net2::Ipv6SocketAddress {
                port: v6.port(),
                flow_info: 0,
                address: v6.ip().segments().into(),
                scope_id: 0,
            }),
        ),
    };
    let network = wasip2::sockets::instance_network::instance_network();
    let socket = wasip2::sockets::tcp_create_socket::create_tcp_socket(family).map_err(no)?;
    socket.start_connect(&network, place).map_err(no)?;
    loop {
        match socket.finish_connect() {
            Err(net2::ErrorCode::WouldBlock) => socket.subscribe().block(),
            other => return other.map(|_| "connected".to_owned()).map_err(no),
        }
    }
}

pub async fn datagram3(address: &str, connected: bool) -> Result<String> {
    let socket = UdpSocket::bind("0.0.0.0:0").await?;
    if connected {
        socket.connect(address).await?;
        return socket.send(b"hi").await.map(done);
    }
    socket.send_to(b"hi", address).await.map(done)
}

pub async fn look_up(name: &str) -> Result<String> {
    let found = resolve_addresses(name.to_owned()).await.map_err(no)?;
    Ok(format!("{found:?}"))
}

pub async fn ask(method: &str, url: &str) -> Result<String> {
    http::request(method, url).send().await?.text()
}

/// Asks for `path` as it is.
pub fn absolute2(authority: &str, path: &str) -> Result<String> {
    use wasip2::http::types::{Fields, OutgoingRequest, Scheme};
    let request = OutgoingRequest::new(Fields::new());
    let refused = |()| Error::invalid_input("the host takes no such part of a request");
    request.set_scheme(Some(&Scheme::Http)).map_err(refused)?;
    request.set_authority(Some(authority)).map_err(refused)?;
    request.set_path_with_query(Some(path)).map_err(refused)?;
    let response = wasip2::http::outgoing_handler::handle(request, None).map_err(no)?;
    response.subscribe().block();
    let response = response
        .get()
        .and_then(std::result::Result::ok)
        .ok_or("no response")?;
    let response = response.map_err(no)?;
    let body = response.consume().map_err(|()| "no body")?;
    let stream = body.stream().map_err(|()| "no stream")?;
    let bytes = stream.blocking_read(1_000).map_err(no)?;
    Ok(String::from_utf8(bytes)?)
}

pub async fn open(name: &str, rate: u32) -> Result<SerialPort> {
    SerialPort::open(name, Settings::new(rate)).await
}
