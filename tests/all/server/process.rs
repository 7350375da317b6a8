//! `ewh serve` in a process of its own, for the signals that it gets.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use external_worker_tests::PATIENCE;
use serde_json::Value as Json;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::Client;

pub(super) const EWH: &str = env!("CARGO_BIN_EXE_ewh-under-test");

pub(super) struct Process {
    child: Child,
    /// It says more when it takes long, and would end if nobody could hear it.
    _said: Lines<BufReader<ChildStdout>>,
    /// What it says of itself once it listens.
    pub(super) announced: Json,
}

impl Process {
    /// Serves the Worker in `data`, and waits until it listens.
    pub(super) async fn start(data: &Path) -> Self {
        Self::start_with(data, None).await
    }

    /// The same, with so many file descriptors.
    pub(super) async fn start_with(data: &Path, descriptors: Option<u32>) -> Self {
        let limit = descriptors.map_or_else(String::new, |most| format!("ulimit -n {most}; "));
        let mut child = Command::new("sh")
            .args(["-c", &format!("{limit}exec \"$0\" \"$@\"")])
            .args([EWH, "serve", "--json", "--port", "0", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let announced = loop {
            let line = timeout(PATIENCE, lines.next_line())
                .await
                .unwrap()
                .unwrap()
                .unwrap();
            if let Some(at) = line.find('{') {
                break serde_json::from_str(&line[at..]).unwrap();
            }
        };
        Self {
            child,
            _said: lines,
            announced,
        }
    }

    /// A program that connects to it.
    pub(super) async fn client(&self) -> Client {
        let url = self.announced["url"].as_str().unwrap();
        let stream = TcpStream::connect(url.strip_prefix("ws://").unwrap());
        let stream = stream.await.unwrap();
        let (socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        Client {
            socket,
            aside: Default::default(),
        }
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        let url = self.announced["url"].as_str().unwrap();
        url.strip_prefix("ws://").unwrap().parse().unwrap()
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Its resident memory, in bytes.
    pub(super) fn resident(&self) -> u64 {
        let statm = format!("/proc/{}/statm", self.id());
        let statm = std::fs::read_to_string(statm).unwrap();
        let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
        pages * 4096
    }

    pub(super) fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let sent = std::process::Command::new("kill")
            .args([name, &id])
            .status();
        assert!(sent.unwrap().success());
    }

    /// SIGKILL, and waits until nothing of it runs.
    pub(super) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    pub(super) async fn ended(&mut self) -> Option<i32> {
        timeout(PATIENCE, self.child.wait())
            .await
            .unwrap()
            .unwrap()
            .code()
    }
}
