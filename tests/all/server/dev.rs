//! `ewh dev`: what is saved is what runs, and what does not build leaves the old code running. The times are
//! printed, and nothing depends on them.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use external_worker_tests::BUILDS;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::Client;
use super::process::EWH;

/// The first build has the SDK in it.
const PATIENCE: Duration = Duration::from_secs(900);

struct Dev {
    _child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Dev {
    /// Of the crate `w` in `dir`.
    fn begin(dir: &Path, data: &Path) -> Self {
        let mut command = Command::new(EWH);
        command
            .current_dir(dir.join("w"))
            .env("CARGO_TARGET_DIR", dir.join("target"))
            .env("CARGO_BUILD_BUILD_DIR", BUILDS)
            .env("EWH_CACHE_DIR", dir.join("cache"));
        Self::run(command, data, &[])
    }

    fn run(mut command: Command, data: &Path, what: &[&str]) -> Self {
        let mut child = command
            .args(["dev", "--json", "--port", "0", "--data"])
            .arg(data)
            .args(what)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            _child: child,
            said,
        }
    }

    /// The next line that `wanted` accepts.
    async fn says(&mut self, wanted: impl Fn(&Json) -> bool) -> Json {
        loop {
            let line = timeout(PATIENCE, self.said.next_line()).await;
            let line: Json = serde_json::from_str(&line.unwrap().unwrap().unwrap()).unwrap();
            if wanted(&line) {
                return line;
            }
        }
    }

    async fn client(&mut self) -> Client {
        let listens = self.says(|line| line["url"].is_string()).await;
        let url = listens["url"].as_str().unwrap();
        let stream = TcpStream::connect(url.strip_prefix("ws://").unwrap());
        let (socket, _) = tokio_tungstenite::client_async(url, stream.await.unwrap())
            .await
            .unwrap();
        Client {
            socket,
            aside: Default::default(),
        }
    }
}

/// A new worker of the class `w`, and a node of its `get_status`.
async fn worker(client: &mut Client) -> (String, String) {
    let class = json!({ "module": "w", "cls_module": "w", "cls_name": "w" });
    let added = client.call("add_external_worker", class).await.unwrap();
    let uuid = added["uuid"].as_str().unwrap().to_owned();
    let node = json!({ "id": format!("w.{uuid}.get_status") });
    let node = client.call("add_node", node).await.unwrap();
    (uuid, node["id"].as_str().unwrap().to_owned())
}

/// What `get_status` of the node says.
async fn status(client: &mut Client, node: &str) -> Json {
    client
        .call("trigger_node", json!({ "nid": node }))
        .await
        .unwrap();
    client.io_value("out").await;
    let get = json!({ "nid": node, "ioid": "out" });
    client.call("get_io_value", get).await.unwrap()
}

fn edit(source: &PathBuf, from: &str, to: &str) {
    let text = std::fs::read_to_string(source).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(source, text.replace(from, to)).unwrap();
}

#[tokio::test]
async fn what_is_saved_runs_and_what_is_broken_leaves_the_old_code() {
    let dir = tempfile::tempdir().unwrap();
    let made = Command::new(EWH)
        .args(["new", "w"])
        .current_dir(dir.path())
        .output();
    assert!(made.await.unwrap().status.success());
    let source = dir.path().join("w/src/lib.rs");
    let data = dir.path().join("data");
    let mut dev = Dev::begin(dir.path(), &data);
    let mut client = dev.client().await;
    let first = dev.says(|line| line["built"] == true).await;
    assert_eq!(first["classes"], json!(["w"]), "{first}");

    let (uuid, node) = worker(&mut client).await;
    let (uuid, node) = (uuid.as_str(), node.as_str());
    let set = json!({ "worker_id": uuid, "class_id": "w", "config": { "interval_s": 7.5 } });
    client.call("update_external_worker", set).await.unwrap();
    assert_eq!(status(&mut client, node).await, "ok");

    edit(&source, "\"ok\".into()", "\"better\".into()");
    let second = dev.says(|line| line["built"] == true).await;
    assert_eq!(second["instances"], 1, "{second}");
    println!(
        "from save to new code: {} ms, of which the build took {} ms",
        second["total_ms"], second["build_ms"]
    );
    assert_eq!(status(&mut client, node).await, "better");
    let of = json!({ "worker_id": uuid, "class_id": "w" });
    let form = client.call("get_external_worker_config", of).await.unwrap();
    assert_eq!(form["formData"]["interval_s"], 7.5);

    edit(&source, "\"better\".into()", "\"worse\".into(");
    let third = dev.says(|line| line["built"].is_boolean()).await;
    assert_eq!(third["built"], false, "{third}");
    assert_eq!(status(&mut client, node).await, "better");

    // Another host has the data directory: the component is put there.
    edit(&source, "\"worse\".into(", "\"best\".into()");
    dev.says(|line| line["built"] == true).await;
    let mut other = Dev::begin(dir.path(), &data);
    let put = other.says(|line| line["built"] == true).await;
    assert_eq!(put["classes"], Json::Null, "{put}");
    assert_eq!(status(&mut client, node).await, "best");
}

#[tokio::test]
async fn a_script_that_is_saved_runs_at_once() {
    crate::python::runtime().await;
    let dir = tempfile::tempdir().unwrap();
    let made = Command::new(EWH)
        .args(["new", "--lang", "python", "w"])
        .current_dir(dir.path())
        .output();
    assert!(made.await.unwrap().status.success());
    let source = dir.path().join("w/w.py");
    let mut command = Command::new(EWH);
    command.current_dir(dir.path().join("w"));
    let mut dev = Dev::run(command, &dir.path().join("data"), &["w.py"]);
    let mut client = dev.client().await;
    let first = dev.says(|line| line["built"] == true).await;
    assert_eq!(first["classes"], json!(["w"]), "{first}");

    let (_, node) = worker(&mut client).await;
    let node = node.as_str();
    edit(&source, "f\"ok after {self.turns} turns\"", "\"better\"");
    let second = dev.says(|line| line["built"] == true).await;
    assert_eq!(second["instances"], 1, "{second}");
    println!("from save to new code: {} ms", second["total_ms"]);
    assert_eq!(status(&mut client, node).await, "better");

    edit(&source, "\"better\"", "\"worse\" +");
    let third = dev.says(|line| line["built"].is_boolean()).await;
    let problem = third["problem"].as_str().unwrap_or_default();
    assert!(problem.contains("(w.py, line"), "{third}");
    assert_eq!(status(&mut client, node).await, "better");
}
