//! Attacks on the network: only where granted, in whatever spelling, and no peer fills the host.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinHandle;

use crate::scene::Scene;
use crate::table::{Row, row};

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        row("network/benchmark", "?", denied),
        row("network/bind_everywhere", "?", denied),
        row("network/bind_tcp", "?", denied),
        row("network/bind_udp", "?", denied),
        row("network/broadcast", "?", denied),
        row("network/connection_flood", "?", at_sink),
        row("network/control_port", "?", control_port),
        row("network/control_port_p2", "?", control_port),
        row("network/http_absolute", "?", at_server),
        row("network/http_body_flood", "?", at_server),
        row("network/http_connection_flood", "?", at_server),
        row("network/http_header_flood", "?", at_server),
        row("network/http_header_forged", "?", at_server),
        row("network/http_header_hop", "?", at_server),
        row("network/http_host_header", "?", at_server),
        row("network/http_metadata", "?", at_server),
        row("network/http_metadata_decimal", "?", at_server),
        row("network/http_method", "?", at_server),
        row("network/http_method_forged", "?", at_server),
        row("network/http_name", "?", at_server),
        row("network/http_path_forged", "?", at_server),
        row("network/http_port", "?", at_server),
        row("network/http_redirect", "?", at_server),
        row("network/http_response_flood", "?", at_server),
        row("network/http_response_garbage", "?", at_server),
        row("network/http_response_headers", "?", at_server),
        row("network/http_response_never", "?", at_server),
        row("network/http_secure", "?", at_server),
        row("network/http_user", "?", at_server),
        row("network/link_local_v6", "?", denied),
        row("network/listen_unbound", "?", denied),
        row("network/loopback", "?", denied),
        row("network/loopback_mapped", "?", denied),
        row("network/loopback_mapped_p2", "?", denied),
        row("network/loopback_other", "?", denied),
        row("network/loopback_v6", "?", denied),
        row("network/metadata", "?", denied),
        row("network/metadata_6to4", "?", denied),
        row("network/metadata_compatible", "?", denied),
        row("network/metadata_mapped", "?", denied),
        row("network/metadata_nat64", "?", denied),
        row("network/metadata_nat64_local", "?", denied),
        row("network/metadata_p2", "?", denied),
        row("network/metadata_teredo", "?", denied),
        row("network/metadata_v6", "?", denied),
        row("network/multicast", "?", denied),
        row("network/name_decimal", "?", denied),
        row("network/name_dot", "?", denied),
        row("network/name_empty", "?", denied),
        row("network/name_escape", "?", denied),
        row("network/name_flood", "?", denied),
        row("network/name_hex", "?", denied),
        row("network/name_long", "?", denied),
        row("network/name_octal", "?", denied),
        row("network/name_of_machine", "?", denied),
        row("network/name_of_metadata", "?", denied),
        row("network/name_short", "?", denied),
        row("network/name_zero", "?", denied),
        row("network/peer_that_floods", "?", at_source),
        row("network/peer_that_floods_read", "?", at_source),
        row("network/peer_that_reads_nothing", "?", at_sink),
        row("network/private_10", "?", denied),
        row("network/private_172", "?", denied),
        row("network/private_192", "?", denied),
        row("network/private_mapped", "?", denied),
        row("network/private_v6", "?", denied),
        row("network/reconnect_storm", "?", at_sink),
        row("network/reserved", "?", denied),
        row("network/shared", "?", denied),
        row("network/udp_broadcast", "?", denied),
        row("network/udp_connect_denied", "?", denied),
        row("network/udp_denied", "?", denied),
        row("network/udp_large", "?", denied),
        row("network/udp_metadata", "?", denied),
        row("network/udp_reconnect", "?", udp_reconnect),
        row("network/unspecified", "?", denied),
        row("network/unspecified_v6", "?", denied),
    ]
}

/// Grants of all kinds, where they can do no harm: a reach does not load without.
pub fn reach(scene: Scene) -> Scene {
    let has_files = scene.dir().join("granted").exists();
    let scene = if has_files { scene } else { scene.folder("ro") };
    scene.grant(
        "[clocks]\n\
         [[sockets]]\nprotocol = \"both\"\ndirection = \"connect\"\nhost = \"*\"\nports = [\"*\"]\n\
         [[http]]\nhost = \"example.com\"\nmethods = [\"GET\"]\n\
         [[serial]]\nname = \"none\"\ndevice = \"/dev/none\"\n",
    )
}

/// A policy that reaches the whole internet, which special addresses are no part of.
async fn denied(scene: Scene) -> String {
    let scene = reach(scene);
    let instance = match scene.start().await {
        Ok(instance) => instance,
        Err(error) => return crate::scene::not_started(&error),
    };
    let mut events = instance.events();
    let did = crate::scene::attack(&instance, "").await;
    let did = crate::scene::said(&instance, did).await;
    let heard = crate::scene::heard(&mut events);
    match heard.iter().find(|line| line.contains("grant")) {
        Some(line) => format!("{did}; {line}"),
        None => did,
    }
}

fn tcp_rule(address: SocketAddr) -> String {
    let (host, port) = (address.ip(), address.port());
    format!("[[sockets]]\nprotocol = \"both\"\ndirection = \"connect\"\nhost = \"{host}\"\nports = [{port}]\n")
}

/// A peer of the test's own, gone with the value.
struct Peer {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Peer {
    async fn serve<F>(each: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = std::io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut served = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                served.spawn(each(stream));
            }
        });
        Self { address, task }
    }
}

/// A peer that takes connections and reads nothing.
async fn at_sink(scene: Scene) -> String {
    let sink = Peer::serve(|stream| async move {
        let _kept = stream;
        std::future::pending().await
    })
    .await;
    let place = sink.address.to_string();
    reach(scene).grant(&tcp_rule(sink.address)).call(&place).await
}

/// A peer that sends without end.
async fn at_source(scene: Scene) -> String {
    let source = Peer::serve(|mut stream| async move {
        loop {
            stream.write_all(&[b'x'; 65_536]).await?;
        }
    })
    .await;
    let place = source.address.to_string();
    reach(scene).grant(&tcp_rule(source.address)).call(&place).await
}

/// A datagram socket that may reach one peer.
async fn udp_reconnect(scene: Scene) -> String {
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = peer.local_addr().unwrap();
    reach(scene).grant(&tcp_rule(address)).call(&address.to_string()).await
}

/// The server of a Worker, with its port that no rule names.
async fn control_port(scene: Scene) -> String {
    use external_worker_host::server::{Bound, Server};
    use external_worker_host::worker::{Worker, WorkerOptions};
    let data = scene.dir().join("worker");
    let files = data.join("files");
    std::fs::create_dir_all(&files).unwrap();
    let options = WorkerOptions {
        data,
        name: None,
        policy: external_worker_host::policy::Policy::default(),
        engine: scene.engine().clone(),
    };
    let worker = Worker::open(options).await.unwrap();
    let bound = Bound::new("127.0.0.1:0".parse().unwrap(), None, Vec::new()).await.unwrap();
    let files = cap_std::fs::Dir::open_ambient_dir(files, cap_std::ambient_authority()).unwrap();
    let server = Server::new(bound, worker, files);
    let (address, stop) = (server.address(), server.stop());
    let running = tokio::spawn(server.run());
    let did = reach(scene).call(&address.to_string()).await;
    stop.cancel();
    running.await.unwrap();
    did
}

/// An HTTP server that does what no server should.
async fn at_server(scene: Scene) -> String {
    let server = Peer::serve(answer).await;
    let (host, port) = (server.address.ip(), server.address.port());
    let methods = if scene.attack().ends_with("body_flood") { "POST" } else { "GET" };
    let rule = format!(
        "[[http]]\nhost = \"{host}\"\nports = [{port}]\nscheme = \"http\"\nmethods = [\"{methods}\"]\n"
    );
    let place = server.address.to_string();
    let did = reach(scene).grant(&rule).call(&place).await;
    did.replace(&place, "SERVER")
}

async fn answer(stream: TcpStream) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut first = String::new();
    stream.read_line(&mut first).await?;
    let (mut host, mut line) = (String::new(), String::new());
    while stream.read_line(&mut line).await? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("host:") {
            host = value.trim().to_owned();
        }
        line.clear();
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    match path {
        "/never" => std::future::pending().await,
        "/garbage" => stream.write_all(b"\x1b[2J\0\xff\xff garbage\r\n\r\n").await,
        "/headers" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            for n in 0..100_000 {
                stream.write_all(format!("x-{n}: 1\r\n").as_bytes()).await?;
            }
            stream.write_all(b"\r\n").await
        }
        "/flood" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await?;
            loop {
                stream.write_all(&[b'x'; 65_536]).await?;
            }
        }
        _ => {
            let (status, location) = match path.strip_prefix("/to/") {
                Some(place) => ("302 Found", format!("location: {place}\r\n")),
                None => ("200 OK", String::new()),
            };
            let body = format!("{} by {host}", first.trim());
            let head = format!("HTTP/1.1 {status}\r\n{location}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).await?;
            // What is left of the request is not read: a server may do so.
            let mut rest = Vec::new();
            let _ = tokio::time::timeout(std::time::Duration::from_millis(50), stream.read_to_end(&mut rest)).await;
            Ok(())
        }
    }
}
