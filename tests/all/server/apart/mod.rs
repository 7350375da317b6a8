//! `ewh serve --isolation process`: each tenant in a process of its own, which may die.

mod audit;
mod backup;
mod broker;
mod confined;
mod deaths;
mod descriptors;
mod grants;
mod managed;
mod metrics;
mod ordinary;
mod secrets;
mod tenants;
mod walk;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use external_worker_artifacts::PROBE_HOST;
use external_worker_tests::PATIENCE;
use serde_json::Value as Json;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::{Client, PROBE};

/// The program under test.
const EWH: &str = env!("CARGO_BIN_EXE_ewh-under-test");

/// `ewh serve --isolation process`.
struct Host {
    process: Child,
    said: Lines<BufReader<ChildStdout>>,
}

/// A tenant whose process serves.
#[derive(Debug, Clone)]
struct Serving {
    tenant: String,
    url: String,
    uuid: String,
    pid: String,
}

impl Host {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(EWH);
        command
            .args(["serve", "--json", "--isolation", "process"])
            .args(["--longest-pause", "1"])
            .args(arguments);
        Self::run(command)
    }

    fn run(mut command: Command) -> Self {
        let mut process = command
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, said }
    }

    /// Tenants as `names` have them, on free ports, below `data`.
    fn with_tenants(data: &Path, names: &[&str], more: &str) -> Self {
        let tenants = names
            .iter()
            .map(|name| format!("[[tenant]]\nname = \"{name}\"\nport = 0\n{more}"));
        let file = data.join("tenants.toml");
        std::fs::write(&file, tenants.collect::<String>()).unwrap();
        let [file, data] = [file.to_str().unwrap(), data.to_str().unwrap()];
        Self::start(&["--tenants", file, "--data", data])
    }

    /// The next process that serves.
    async fn next(&mut self) -> Serving {
        let line = timeout(PATIENCE, self.said.next_line()).await.unwrap();
        let line: Json = serde_json::from_str(&line.unwrap().unwrap()).unwrap();
        let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        Serving {
            tenant: text("tenant"),
            url: text("url"),
            uuid: text("uuid"),
            pid: line["pid"].to_string(),
        }
    }

    /// All tenants, by name.
    async fn all(&mut self, count: usize) -> BTreeMap<String, Serving> {
        let mut all = BTreeMap::new();
        while all.len() < count {
            let serving = self.next().await;
            all.insert(serving.tenant.clone(), serving);
        }
        all
    }

    fn pid(&self) -> String {
        self.process.id().unwrap().to_string()
    }

    async fn ended(mut self) -> Option<i32> {
        let ended = timeout(PATIENCE, self.process.wait()).await.unwrap();
        ended.unwrap().code()
    }
}

impl Serving {
    fn address(&self) -> &str {
        let address = self.url.strip_prefix("ws://").unwrap();
        address.split('/').next().unwrap()
    }

    async fn client(&self) -> Client {
        self.knock().await.unwrap()
    }

    /// A client, if it is let in.
    async fn knock(&self) -> Option<Client> {
        let stream = TcpStream::connect(self.address()).await.unwrap();
        let opened = tokio_tungstenite::client_async(&self.url, stream);
        let (socket, _) = timeout(PATIENCE, opened).await.unwrap().ok()?;
        Some(Client {
            socket,
            aside: Default::default(),
        })
    }
}

fn signal(name: &str, pid: &str) {
    let sent = std::process::Command::new("kill")
        .args([name, pid])
        .status();
    assert!(sent.unwrap().success());
}

/// The directory of a tenant below `data`, with `guest` as its module `module`.
fn data_of(data: &Path, tenant: &str, module: &str, guest: &str) {
    let modules = data.join(tenant).join("local_workers");
    std::fs::create_dir_all(&modules).unwrap();
    std::fs::copy(guest, modules.join(format!("{module}.wasm"))).unwrap();
}

/// [`data_of`] with the probe.
fn data_with_probe(data: &Path, tenant: &str) {
    data_of(data, tenant, PROBE, PROBE_HOST);
}

/// Adds an external worker of `class`; its uuid.
async fn add(client: &mut Client, module: &str, class: &str) -> String {
    let asked = serde_json::json!({
        "module": module, "cls_module": module, "cls_name": class,
    });
    let added = client.call("add_external_worker", asked).await.unwrap();
    added["uuid"].as_str().unwrap().to_owned()
}
