//! `ewh serve --audit`: what happens is written down, whoever's process it happens in, and `ewh audit` finds what was
//! changed in it.

use std::path::Path;

use external_worker_artifacts::PROBE_SOCKETS;
use serde_json::Value as Json;
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::capability::sockets::rule;

use super::grants::{ask, text, write};
use super::{EWH, Host, add, data_of, signal};

fn connect(host: &str, port: u16) -> String {
    rule("tcp", "connect", host, &port.to_string())
}

/// What `ewh audit` says of the log, and how it ended.
async fn audit(what: &[&str], log: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(EWH);
    command.arg("audit").args(what).arg(log);
    let output = command.output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), said)
}

/// A tenant's guest is granted something, denied something else, and loses what it has; somebody does not know the
/// token.
async fn happens(data: &Path, isolation: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    data_of(data, "lab", "sockets", PROBE_SOCKETS);
    write(data, "sockets", &connect("127.0.0.1", port));
    let tenants = data.join("tenants.toml");
    let token = "token-env = \"LAB_TOKEN\"\n";
    std::fs::write(
        &tenants,
        format!("[[tenant]]\nname = \"lab\"\nport = 0\n{token}"),
    )
    .unwrap();
    let mut command = Command::new(EWH);
    command.args(["serve", "--json", "--isolation", isolation, "--tenants"]);
    command.arg(&tenants).arg("--data").arg(data);
    command.arg("--audit").arg(data.join("audit"));
    command.env("LAB_TOKEN", "a-token-that-is-long-enough");
    let mut host = Host::run(command);
    let mut serving = host.next().await;
    assert!(serving.knock().await.is_none(), "without the token");
    serving.url = format!("{}/?token=a-token-that-is-long-enough", serving.url);
    let mut client = serving.client().await;
    let worker = (add(&mut client, "sockets", "sockets").await, "sockets");
    let place = format!("127.0.0.1:{port}");
    let kept = ask(&mut client, &worker, "keep", &[("address", text(&place))]).await;
    kept.unwrap();
    let denied = ask(
        &mut client,
        &worker,
        "keep",
        &[("address", text("127.0.0.1:1"))],
    )
    .await;
    denied.unwrap_err();
    let (mut peer, _) = listener.accept().await.unwrap();
    // To the kernel nothing changes: the process goes on.
    write(data, "sockets", &connect("127.0.0.2", port));
    let mut byte = [0];
    let closed = tokio::io::AsyncReadExt::read(&mut peer, &mut byte);
    let closed = tokio::time::timeout(external_worker_tests::PATIENCE, closed).await;
    assert_eq!(closed.unwrap().unwrap_or(0), 0);
    let still = ask(
        &mut client,
        &worker,
        "keep",
        &[("address", text("127.0.0.1:1"))],
    )
    .await;
    still.unwrap_err();
    let pid = host.pid();
    signal("-TERM", &pid);
    assert_eq!(host.ended().await, Some(0));
}

#[tokio::test]
async fn what_happens_is_written_down_and_what_is_changed_in_it_is_found() {
    for isolation in ["none", "process"] {
        let data = tempfile::tempdir().unwrap();
        happens(data.path(), isolation).await;
        let log = data.path().join("audit");
        let (code, shown) = audit(&["show", "--json", "--last", "1000"], &log).await;
        assert_eq!(code, Some(0));
        let records: Vec<Json> = shown
            .lines()
            .map(|it| serde_json::from_str(it).unwrap())
            .collect();
        let has = |event: &str, what: &str| {
            records.iter().any(|record| {
                let is_it = record["event"] == event && record.to_string().contains(what);
                is_it && (event == "start" || record["tenant"] == "lab")
            })
        };
        for (event, what) in [
            ("start", "the host"),
            ("grant", "127.0.0.1"),
            ("login-failed", "127.0.0.1"),
            ("token-used", "a websocket"),
            ("start", "\"what\":\"sockets\""),
            ("first-use", "tcp to 127.0.0.1"),
            ("denied", "connecting to tcp 127.0.0.1:1"),
            ("revoke", "the connection to 127.0.0.1"),
            ("grant", "127.0.0.2"),
            ("stop", "\"what\":\"sockets\""),
        ] {
            assert!(has(event, what), "{isolation}: {event} {what}\n{shown}");
        }
        assert!(!shown.contains("a-token-that-is-long-enough"));
        let by = |record: &&Json| record["event"] == "denied" && record["by"] == "tenant";
        let by_tenant = records.iter().find(by).is_some();
        assert_eq!(by_tenant, isolation == "process", "who says so is told");
        let (code, said) = audit(&["verify", "--json"], &log).await;
        let verified: Json = serde_json::from_str(&said).unwrap();
        assert_eq!(
            (code, &verified["ok"]),
            (Some(0), &Json::Bool(true)),
            "{said}"
        );
        let file = log.join("000001.jsonl");
        let lines = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, lines.replacen("127.0.0.1:1", "127.0.0.1:2", 1)).unwrap();
        let (code, said) = audit(&["verify"], &log).await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("000001.jsonl"), "{said}");
    }
}
