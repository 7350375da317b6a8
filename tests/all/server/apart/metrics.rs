//! `ewh serve --metrics`: what Prometheus gets of each external worker, whoever's process it runs in.

use std::path::Path;
use std::time::Duration;

use external_worker_artifacts::PROBE_HOST;
use external_worker_tests::PATIENCE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use super::grants::ask;
use super::{EWH, Host, add, data_of};
use crate::server::PROBE;

/// What is at a path, its status line first.
async fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn host(data: &Path, isolation: &str) -> (Host, u16) {
    data_of(data, "lab", PROBE, PROBE_HOST);
    let port = {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        free.local_addr().unwrap().port()
    };
    let tenants = data.join("tenants.toml");
    std::fs::write(&tenants, "[[tenant]]\nname = \"lab\"\nport = 0\n").unwrap();
    let mut command = Command::new(EWH);
    command.args(["serve", "--json", "--isolation", isolation, "--tenants"]);
    command.arg(&tenants).arg("--data").arg(data);
    command.args(["--metrics", &format!("127.0.0.1:{port}")]);
    (Host::run(command), port)
}

#[tokio::test]
async fn what_external_workers_do_and_use_is_measured_wherever_they_run() {
    for isolation in ["none", "process"] {
        let data = tempfile::tempdir().unwrap();
        let (mut host, port) = host(data.path(), isolation).await;
        let mut client = host.next().await.client().await;
        assert!(get(port, "/health/live").await.starts_with("HTTP/1.1 200"));
        assert!(get(port, "/health/ready").await.starts_with("HTTP/1.1 200"));
        let worker = (add(&mut client, PROBE, PROBE).await, PROBE);
        ask(&mut client, &worker, "applied", &[]).await.unwrap();
        let labels = format!(
            "{{tenant=\"lab\",module=\"{PROBE}\",class=\"{PROBE}\",instance=\"{}\"}}",
            worker.0
        );
        let (up, calls) = (
            format!("ewh_worker_up{labels} 1"),
            format!("ewh_worker_call_duration_seconds_count{labels} 1"),
        );
        let measured = async {
            loop {
                let page = get(port, "/metrics").await;
                let has = |line: &str| page.lines().any(|it| it.trim_end_matches(".0") == line);
                if has(&up) && has(&calls) && has("ewh_tenant_up{tenant=\"lab\"} 1") {
                    return page;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let page = tokio::time::timeout(PATIENCE, measured).await.unwrap();
        let cpu = format!("ewh_worker_cpu_seconds_total{labels} ");
        let cpu = page
            .lines()
            .find_map(|line| line.strip_prefix(&cpu))
            .unwrap();
        assert!(cpu.parse::<f64>().unwrap() > 0.0, "{page}");
    }
}
