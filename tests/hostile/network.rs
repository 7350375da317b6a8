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
        row(
            "network/benchmark",
            "Denied: connecting to 198.18.0.1:80: denied; the grant `sockets` does not cover it; connec*",
            denied,
        ),
        row(
            "network/bind_everywhere",
            "Denied: listening at 0.0.0.0:0: denied*",
            denied,
        ),
        row(
            "network/bind_tcp",
            "Denied: listening at 127.0.0.1:0: denied; the grant `sockets` does not cover it; binding t*",
            denied,
        ),
        row(
            "network/bind_udp",
            "Denied: binding to 127.0.0.1:53: denied; the grant `sockets` does not cover it; binding ud*",
            denied,
        ),
        row(
            "network/broadcast",
            "InvalidInput: connecting to 255.255.255.255:80: the address or the setting is not valid here",
            denied,
        ),
        row("network/connection_flood", "answered: 8 and Busy", at_sink),
        row(
            "network/control_port",
            "Denied: connecting to 127.0.0.1:*: denied; the grant `sockets` does not cover it",
            control_port,
        ),
        row(
            "network/control_port_p2",
            "Unavailable: ErrorCode { code: 1, name: \"access-denied\", message: \"Access denied.\\n\\n     *",
            control_port,
        ),
        row(
            "network/http_absolute",
            "InvalidInput: the host takes no such part of a request",
            at_server,
        ),
        row(
            "network/http_body_flood",
            "answered: POST / HTTP/1.1 by SERVER",
            at_server,
        ),
        row("network/http_connection_flood", "deadline", at_server),
        row(
            "network/http_header_flood",
            "ended: it trapped: it handed over more at once than the budget `value-size` allows*",
            at_server,
        ),
        row(
            "network/http_header_forged",
            "InvalidInput: http://SERVER/: a header has a name or a value that is not allowed",
            at_server,
        ),
        row(
            "network/http_header_hop",
            "InvalidInput: http://SERVER/: a header is set that only the host may set",
            at_server,
        ),
        row(
            "network/http_host_header",
            "InvalidInput: http://SERVER/: a header is set that only the host may set",
            at_server,
        ),
        row(
            "network/http_metadata",
            "Denied: http://169.254.169.254/latest/meta-data/: denied; the grant `http` does not cover it",
            at_server,
        ),
        row(
            "network/http_metadata_decimal",
            "InvalidInput: http://2852039166/: HttpRequestUriInvalid",
            at_server,
        ),
        row(
            "network/http_method",
            "Denied: http://SERVER/: denied; the grant `http` does not cover it",
            at_server,
        ),
        row(
            "network/http_method_forged",
            "InvalidInput: http://SERVER/: this is not a method",
            at_server,
        ),
        row(
            "network/http_name",
            "Denied: http://localhost:*/: denied; the grant `http` does not cover it",
            at_server,
        ),
        row(
            "network/http_path_forged",
            "InvalidInput: the host takes no such part of a request",
            at_server,
        ),
        row(
            "network/http_port",
            "Denied: http://127.0.0.1:9/: denied; the grant `http` does not cover it",
            at_server,
        ),
        row(
            "network/http_redirect",
            "Denied: http://127.0.0.1:9/: denied; the grant `http` does not cover it",
            at_server,
        ),
        row(
            "network/http_response_flood",
            "ended: it trapped (wasm trap: wasm `unreachable` instruction executed) after the memory bu*",
            at_server,
        ),
        row(
            "network/http_response_garbage",
            "Unavailable: http://SERVER/garbage: HttpProtocolError",
            at_server,
        ),
        row(
            "network/http_response_headers",
            "Unavailable: http://SERVER/headers: HttpProtocolError",
            at_server,
        ),
        row("network/http_response_never", "deadline", at_server),
        row(
            "network/http_secure",
            "Denied: https://SERVER/: denied; the grant `http` does not cover it",
            at_server,
        ),
        row(
            "network/http_user",
            "InvalidInput: http://SERVER@169.254.169.254/: this is not a URL such as https://host/path?query",
            at_server,
        ),
        row(
            "network/link_local_v6",
            "Denied: connecting to [fe80::1]:80: denied; the grant `sockets` does not cover it; connect*",
            denied,
        ),
        row(
            "network/listen_unbound",
            "Unavailable: AccessDenied; listening on tcp 0.0.0.0:0: nothing of the kind is granted; to *",
            denied,
        ),
        row(
            "network/loopback",
            "Denied: connecting to 127.0.0.1:9: denied; the grant `sockets` does not cover it; connecti*",
            denied,
        ),
        row(
            "network/loopback_mapped",
            "InvalidInput: connecting to [::ffff:127.0.0.1]:9: the address or the setting is not valid here",
            denied,
        ),
        row(
            "network/loopback_mapped_p2",
            "Unavailable: ErrorCode { code: 3, name: \"invalid-argument\", message: \"One of the arguments*",
            denied,
        ),
        row(
            "network/loopback_other",
            "Denied: connecting to 127.1.2.3:9: denied; the grant `sockets` does not cover it; connecti*",
            denied,
        ),
        row(
            "network/loopback_v6",
            "Denied: connecting to [::1]:9: denied; the grant `sockets` does not cover it; connecting t*",
            denied,
        ),
        row(
            "network/metadata",
            "Denied: connecting to 169.254.169.254:80: denied; the grant `sockets` does not cover it; c*",
            denied,
        ),
        row(
            "network/metadata_6to4",
            "Denied: connecting to [2002:a9fe:a9fe::1]:80: denied; the grant `sockets` does not cover i*",
            denied,
        ),
        row(
            "network/metadata_compatible",
            "InvalidInput: connecting to [::169.254.169.254]:80: the address or the setting is not valid here",
            denied,
        ),
        row(
            "network/metadata_mapped",
            "InvalidInput: connecting to [::ffff:169.254.169.254]:80: the address or the setting is not*",
            denied,
        ),
        row(
            "network/metadata_nat64",
            "Denied: connecting to [64:ff9b::a9fe:a9fe]:80: denied; the grant `sockets` does not cover *",
            denied,
        ),
        row(
            "network/metadata_nat64_local",
            "Denied: connecting to [64:ff9b:1::a9fe:a9fe]:80: denied; the grant `sockets` does not cove*",
            denied,
        ),
        row(
            "network/metadata_p2",
            "Unavailable: ErrorCode { code: 1, name: \"access-denied\", message: \"Access denied.\\n\\n     *",
            denied,
        ),
        row(
            "network/metadata_teredo",
            "Denied: connecting to [2001:0:1:1:1:1:5601:5601]:80: denied; the grant `sockets` does not *",
            denied,
        ),
        row(
            "network/metadata_v6",
            "Denied: connecting to [fd00:ec2::254]:80: denied; the grant `sockets` does not cover it; c*",
            denied,
        ),
        row(
            "network/multicast",
            "InvalidInput: connecting to 224.0.0.1:80: the address or the setting is not valid here",
            denied,
        ),
        row(
            "network/name_decimal",
            "Unavailable: InvalidArgument",
            denied,
        ),
        row(
            "network/name_dot",
            "Unavailable: AccessDenied; looking up `localhost`: no grant names this host; to allow it, *",
            denied,
        ),
        row("network/name_empty", "Unavailable: InvalidArgument", denied),
        row(
            "network/name_escape",
            "Unavailable: InvalidArgument",
            denied,
        ),
        row("network/name_hex", "Unavailable: InvalidArgument", denied),
        row("network/name_long", "Unavailable: InvalidArgument", denied),
        row("network/name_octal", "Unavailable: InvalidArgument", denied),
        row(
            "network/name_of_machine",
            "Unavailable: AccessDenied; looking up `localhost`: no grant names this host; to allow it, *",
            denied,
        ),
        row("network/name_of_metadata", "Unavailable: *", denied),
        row("network/name_short", "Unavailable: InvalidArgument", denied),
        row("network/name_zero", "Unavailable: InvalidArgument", denied),
        row("network/peer_that_floods", "answered: 1", at_source),
        row(
            "network/peer_that_floods_read",
            "ended: it trapped (wasm trap: wasm `unreachable` instruction executed) after the memory bu*",
            at_source,
        ),
        row("network/peer_that_reads_nothing", "deadline", at_sink),
        row(
            "network/private_10",
            "Denied: connecting to 10.0.0.1:80: denied; the grant `sockets` does not cover it; connecti*",
            denied,
        ),
        row(
            "network/private_172",
            "Denied: connecting to 172.31.255.1:80: denied; the grant `sockets` does not cover it; conn*",
            denied,
        ),
        row(
            "network/private_192",
            "Denied: connecting to 192.168.1.1:80: denied; the grant `sockets` does not cover it; conne*",
            denied,
        ),
        row(
            "network/private_mapped",
            "InvalidInput: connecting to [::ffff:10.0.0.1]:80: the address or the setting is not valid here",
            denied,
        ),
        row(
            "network/private_v6",
            "Denied: connecting to [fc00::1]:80: denied; the grant `sockets` does not cover it; connect*",
            denied,
        ),
        row(
            "network/reconnect_storm",
            // As fast as the host lets go of what was closed.
            "Busy: connecting to 127.0.0.1:*: too many sockets or too much memory in use | deadline | \
             answered: done",
            at_sink,
        ),
        row(
            "network/reserved",
            "Denied: connecting to 240.0.0.1:80: denied; the grant `sockets` does not cover it; connect*",
            denied,
        ),
        row(
            "network/shared",
            "Denied: connecting to 100.64.0.1:80: denied; the grant `sockets` does not cover it; connec*",
            denied,
        ),
        row(
            "network/udp_broadcast",
            "Denied: sending to 255.255.255.255:9: denied; the grant `sockets` does not cover it; sendi*",
            denied,
        ),
        row(
            "network/udp_connect_denied",
            "Denied: connecting to 127.0.0.1:9: denied; the grant `sockets` does not cover it; sending *",
            denied,
        ),
        row(
            "network/udp_denied",
            "Denied: sending to 127.0.0.1:9: denied; the grant `sockets` does not cover it; sending to *",
            denied,
        ),
        row(
            "network/udp_large",
            "InvalidInput: sending to 8.8.8.8:53: the datagram is too large",
            denied,
        ),
        row(
            "network/udp_metadata",
            "Denied: sending to 169.254.169.254:53: denied; the grant `sockets` does not cover it; send*",
            denied,
        ),
        row(
            "network/udp_reconnect",
            "Denied: connecting to 127.0.0.1:9: denied; the grant `sockets` does not cover it",
            udp_reconnect,
        ),
        row(
            "network/unspecified",
            "InvalidInput: connecting to 0.0.0.0:9: the address or the setting is not valid here",
            denied,
        ),
        row(
            "network/unspecified_v6",
            "InvalidInput: connecting to [::]:9: the address or the setting is not valid here",
            denied,
        ),
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
    tried(reach(scene), "").await
}

/// What the attacker says of its call with `to`, and what was written down about a denial.
pub async fn tried(scene: Scene, to: &str) -> String {
    let instance = match scene.start().await {
        Ok(instance) => instance,
        Err(error) => return crate::scene::not_started(&error),
    };
    let mut events = instance.events();
    let did = crate::scene::attack(&instance, to).await;
    let did = crate::scene::said(&instance, did).await;
    let heard = crate::scene::heard(&mut events);
    match heard.iter().find(|line| line.contains("grant")) {
        Some(line) => format!("{did}; {line}"),
        None => did,
    }
}

fn tcp_rule(address: SocketAddr) -> String {
    let (host, port) = (address.ip(), address.port());
    format!(
        "[[sockets]]\nprotocol = \"both\"\ndirection = \"connect\"\nhost = \"{host}\"\nports = [{port}]\n"
    )
}

/// A peer of the test's own, gone with the value.
pub struct Peer {
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Peer {
    pub async fn serve<F>(each: impl Fn(TcpStream) -> F + Send + 'static) -> Self
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
    reach(scene)
        .grant(&tcp_rule(sink.address))
        .call(&place)
        .await
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
    reach(scene)
        .grant(&tcp_rule(source.address))
        .call(&place)
        .await
}

/// A datagram socket that may reach one peer.
async fn udp_reconnect(scene: Scene) -> String {
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = peer.local_addr().unwrap();
    reach(scene)
        .grant(&tcp_rule(address))
        .call(&address.to_string())
        .await
}

/// The server of a Worker, with its port that no rule names.
async fn control_port(scene: Scene) -> String {
    let attack = async |address: SocketAddr| reach(scene.clone()).call(&address.to_string()).await;
    serving(&scene, attack).await
}

/// The server of a Worker, for as long as `attack` takes.
pub async fn serving(scene: &Scene, attack: impl AsyncFnOnce(SocketAddr) -> String) -> String {
    let data = scene.dir().join("worker");
    let (address, stop, running) = crate::bystander::serve(data, scene.engine()).await;
    let did = attack(address).await;
    stop.cancel();
    running.await.unwrap();
    did
}

/// An HTTP server that does what no server should.
async fn at_server(scene: Scene) -> String {
    let server = Peer::serve(answer).await;
    let (host, port) = (server.address.ip(), server.address.port());
    let methods = if scene.attack().ends_with("body_flood") {
        "POST"
    } else {
        "GET"
    };
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
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
                .await?;
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
            let head = format!(
                "HTTP/1.1 {status}\r\n{location}content-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all((head + &body).as_bytes()).await?;
            // What is left of the request is not read: a server may do so.
            let mut rest = Vec::new();
            let _ = tokio::time::timeout(
                std::time::Duration::from_millis(50),
                stream.read_to_end(&mut rest),
            )
            .await;
            Ok(())
        }
    }
}
