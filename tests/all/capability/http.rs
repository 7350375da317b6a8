//! HTTP requests, against a server of Python's standard library that also redirects.

use std::process::Stdio;

use external_worker_artifacts::PROBE_HTTP;
use external_worker_host::bindings::types::Value;
use external_worker_host::engine::{Compiling, Engine, EngineOptions, Trust};
use external_worker_host::instance::Instance;
use external_worker_tests::{TestHost, call_text};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::denial;
use crate::tls::Authority;

const SERVER: &str = r#"
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path[4:])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = ("path " + self.path + " host " + self.headers["Host"]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = "chunks %s length %s body %s" % (
            self.headers["Transfer-Encoding"], self.headers["Content-Length"], sent.decode())
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())
    do_DELETE = do_POST
    do_PUT = do_POST
    def log_message(self, *arguments):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"#;

struct Server {
    port: u16,
    _process: Child,
}

impl Server {
    async fn start() -> Self {
        let mut process = Command::new("python3")
            .args(["-c", SERVER])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("python3 is installed");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines.next_line().await.unwrap().unwrap().parse().unwrap();
        Self {
            port,
            _process: process,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    async fn probe(&self, class: &str) -> Instance {
        let policy = format!(
            "[[http]]\nhost = \"127.0.0.1\"\nports = [{}]\nscheme = \"http\"\nmethods = [\"GET\"]\n",
            self.port
        );
        TestHost::grant(&policy)
            .start(PROBE_HTTP, class, json!({}))
            .await
            .unwrap()
    }
}

fn url(url: String) -> [(&'static str, Value); 1] {
    [("url", Value::Text(url))]
}

fn ask(method: &str, place: String) -> [(&'static str, Value); 2] {
    [
        ("method", Value::Text(method.to_owned())),
        ("url", Value::Text(place)),
    ]
}

#[tokio::test]
async fn a_granted_host_answers_and_other_hosts_ports_and_methods_are_denied() {
    let server = Server::start().await;
    let http = server.probe("http").await;
    let mut events = http.events();
    let answer = call_text(&http, "ask", ask("GET", server.url("/a?b=c")))
        .await
        .unwrap();
    assert!(
        answer.starts_with("200 ") && answer.contains("path /a?b=c"),
        "{answer}"
    );
    let other = server.port.wrapping_add(1).max(1);
    let denied = [
        ask("POST", server.url("/a")),
        ask("GET", format!("http://127.0.0.1:{other}/")),
        ask("GET", format!("http://localhost:{}/", server.port)),
        ask("GET", "http://169.254.169.254/latest/meta-data".to_owned()),
        ask("GET", "http://example.com/".to_owned()),
        ask("GET", format!("https://127.0.0.1:{}/", server.port)),
    ];
    for request in denied {
        let shown = format!("{request:?}");
        call_text(&http, "ask", request).await.unwrap_err();
        let message = denial(&mut events).await;
        assert!(message.contains("[[http]]"), "{shown}: {message}");
    }
}

#[tokio::test]
async fn every_redirect_is_checked_again() {
    let server = Server::start().await;
    let other = Server::start().await;
    let http = server.probe("http").await;
    let mut events = http.events();
    let inside = server.url(&format!("/to/{}", server.url("/end")));
    let answer = call_text(&http, "follow", url(inside)).await.unwrap();
    assert!(answer.contains("path /end"), "{answer}");
    let outside = server.url(&format!("/to/{}", other.url("/end")));
    call_text(&http, "follow", url(outside)).await.unwrap_err();
    assert!(denial(&mut events).await.contains("[[http]]"));
}

#[tokio::test]
async fn the_host_header_is_that_of_the_host_that_is_asked() {
    let server = Server::start().await;
    let http = server.probe("http").await;
    let disguise = [
        ("url", Value::Text(server.url("/"))),
        ("host", Value::Text("internal.example".to_owned())),
    ];
    if let Ok(answer) = call_text(&http, "disguise", disguise).await {
        assert!(!answer.contains("internal.example"), "{answer}");
    }
}

#[tokio::test]
async fn a_server_that_knows_no_chunks_understands_every_request() {
    let server = Server::start().await;
    let policy = format!(
        "[[http]]\nhost = \"127.0.0.1\"\nports = [{}]\nscheme = \"http\"\nmethods = [\"*\"]\n",
        server.port
    );
    let host = TestHost::grant(&policy);
    for (method, length) in [("DELETE", "None"), ("POST", "0"), ("PUT", "0")] {
        let http = host.run(PROBE_HTTP, "http").await;
        let answer = call_text(&http, "ask", ask(method, server.url("/"))).await;
        let expected = format!("200 chunks None length {length} body ");
        assert_eq!(answer.unwrap(), expected, "{method}");
        let http2 = host.run(PROBE_HTTP, "http2").await;
        let ask = [
            ("method", Value::Text(method.to_owned())),
            (
                "authority",
                Value::Text(format!("127.0.0.1:{}", server.port)),
            ),
            ("path", Value::Text("/".to_owned())),
        ];
        let answer = call_text(&http2, "ask", ask).await.unwrap();
        assert_eq!(answer, expected, "{method} of WASI 0.2");
    }
    let http = host.run(PROBE_HTTP, "http").await;
    let body = [
        ("url", Value::Text(server.url("/"))),
        ("body", Value::Bytes(b"hello".to_vec())),
    ];
    let answer = call_text(&http, "send", body).await.unwrap();
    assert_eq!(answer, "200 chunks None length 5 body hello");
}

#[tokio::test]
async fn a_server_with_a_certificate_of_ones_own_authority_is_believed_where_that_is_named() {
    let authority = Authority::new();
    let port = authority.greets("secret").await;
    let policy = format!(
        "[[http]]\nhost = \"127.0.0.1\"\nports = [{port}]\nscheme = \"https\"\nmethods = [\"GET\"]\n"
    );
    let dir = tempfile::tempdir().unwrap();
    let trust = Trust::with_files(&[authority.write(dir.path())]).unwrap();
    let other = Authority::new();
    let mistrust = Trust::with_files(&[other.write(dir.path())]).unwrap();
    for (trust, expected) in [(mistrust, None), (trust, Some("200 secret"))] {
        let engine = Engine::new(EngineOptions {
            pool_instances: Some(4),
            trust,
            ..EngineOptions::new(Compiling::Here)
        });
        let host = TestHost::grant(&policy).on(&engine.unwrap());
        let http = host.run(PROBE_HTTP, "http").await;
        let there = ask("GET", format!("https://127.0.0.1:{port}/"));
        let answer = call_text(&http, "ask", there).await.ok();
        assert_eq!(answer.as_deref(), expected);
    }
}

#[tokio::test]
async fn components_of_wasi_0_2_are_under_the_same_policy() {
    let server = Server::start().await;
    let http = server.probe("http2").await;
    let ask = |method: &str, port: u16| {
        [
            ("method", Value::Text(method.to_owned())),
            ("authority", Value::Text(format!("127.0.0.1:{port}"))),
            ("path", Value::Text("/x".to_owned())),
        ]
    };
    let answer = call_text(&http, "ask", ask("GET", server.port))
        .await
        .unwrap();
    assert!(answer.contains("path /x"), "{answer}");
    call_text(&http, "ask", ask("POST", server.port))
        .await
        .unwrap_err();
    call_text(&http, "ask", ask("GET", server.port.wrapping_add(1).max(1)))
        .await
        .unwrap_err();
}
