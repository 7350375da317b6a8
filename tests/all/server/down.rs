//! A full disk and a corrupt store are their tenant's own: it says what is wrong, and the others are served.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use external_worker_tests::PATIENCE;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::{Client, PROBE, data_with_probe, http};

const EWH: &str = env!("CARGO_BIN_EXE_ewh-under-test");

/// `ewh serve`, all in one process.
struct Host {
    process: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Host {
    fn run(mut command: Command) -> Self {
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, said }
    }

    /// The next Worker that is served.
    async fn next(&mut self) -> Json {
        let line = timeout(PATIENCE, self.said.next_line()).await.unwrap();
        serde_json::from_str(&line.unwrap().unwrap()).unwrap()
    }

    async fn client(&mut self) -> Client {
        let served = self.next().await;
        connect(served["url"].as_str().unwrap()).await
    }
}

async fn connect(url: &str) -> Client {
    let stream = TcpStream::connect(url.strip_prefix("ws://").unwrap());
    let stream = stream.await.unwrap();
    let (socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    Client {
        socket,
        aside: Default::default(),
    }
}

fn serve(data: &Path) -> Command {
    let mut command = Command::new(EWH);
    let data = data.to_str().unwrap();
    command.args(["serve", "--json", "--port", "0", "--data", data]);
    command
}

/// A port that nobody has now.
fn free_port() -> u16 {
    let any = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    any.local_addr().unwrap().port()
}

#[tokio::test]
async fn a_corrupt_store_is_its_tenants_own() {
    let data = tempfile::tempdir().unwrap();
    let store = data.path().join("broken/state.db");
    std::fs::create_dir_all(store.parent().unwrap()).unwrap();
    std::fs::write(&store, "no database ".repeat(1000)).unwrap();
    let port = free_port();
    let tenants = data.path().join("tenants.toml");
    let listed = format!(
        "[[tenant]]\nname = \"broken\"\nport = {port}\n[[tenant]]\nname = \"whole\"\nport = 0\n"
    );
    std::fs::write(&tenants, listed).unwrap();
    let mut command = Command::new(EWH);
    command.args(["serve", "--json", "--tenants", tenants.to_str().unwrap()]);
    command.args(["--data", data.path().to_str().unwrap()]);
    let mut host = Host::run(command);
    let served = host.next().await;
    assert_eq!(served["tenant"], "whole");
    let mut client = connect(served["url"].as_str().unwrap()).await;
    client.call("get_nodes", json!({})).await.unwrap();
    // Who comes to the other hears why, and not where.
    let address = format!("127.0.0.1:{port}");
    let mut answer = http(&address, "GET /", b"").await;
    for _ in 0..100 {
        if answer.status == 503 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        answer = http(&address, "GET /", b"").await;
    }
    let said = String::from_utf8(answer.body).unwrap();
    assert_eq!(answer.status, 503, "{said}");
    assert!(
        said.contains("this Worker is down: the Worker's data is corrupt"),
        "{said}"
    );
    assert!(!said.contains(data.path().to_str().unwrap()), "{said}");
    assert!(store.exists(), "nobody but its operator takes it away");
    // Its operator does, and nothing else is started again.
    std::fs::rename(&store, store.with_extension("corrupt")).unwrap();
    let served = host.next().await;
    assert_eq!(served["tenant"], "broken");
    let mut late = connect(served["url"].as_str().unwrap()).await;
    late.call("get_nodes", json!({})).await.unwrap();
    client.call("get_nodes", json!({})).await.unwrap();
}

#[tokio::test]
async fn alone_with_a_corrupt_store_it_says_so_and_ends() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("state.db"), "no database ".repeat(1000)).unwrap();
    let ended = serve(data.path()).output().await.unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(5), "{said}");
    assert!(
        said.contains("is corrupt") && said.contains("move it"),
        "{said}"
    );
}

/// Lets the files of a process grow again.
fn make_room(process: &Child) {
    let pid = i32::try_from(process.id().unwrap()).unwrap();
    let limit = libc::rlimit {
        rlim_cur: libc::RLIM_INFINITY,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: the limit is there as long as the call.
    let raised = unsafe {
        libc::prlimit(
            pid,
            libc::RLIMIT_FSIZE,
            &raw const limit,
            std::ptr::null_mut(),
        )
    };
    assert_eq!(raised, 0, "{}", std::io::Error::last_os_error());
}

#[tokio::test]
async fn after_a_crash_on_a_full_disk_it_serves_and_says_that_nothing_is_saved() {
    let data = data_with_probe();
    let mut host = Host::run(serve(data.path()));
    let mut client = host.client().await;
    let uuid = client.add_probe().await;
    let node = client.add_node(&uuid, "echo").await;
    host.process.kill().await.unwrap();

    // No file can be written to, as on a disk that is full: a disk of one's own takes rights that not every
    // machine gives.
    let mut full = Command::new("sh");
    full.args([
        "-c",
        "trap '' XFSZ; ulimit -S -f 0; exec \"$0\" \"$@\"",
        EWH,
    ]);
    full.args(serve(data.path()).as_std().get_args());
    let mut host = Host::run(full);
    let mut client = host.client().await;
    let nodes = client.call("get_nodes", json!({})).await.unwrap();
    assert_eq!(nodes[0]["id"], node, "what was saved is there");
    let rename = |name: &str| json!({ "nid": node, "data": { "name": name } });
    let why = client
        .call("update_node", rename("lost"))
        .await
        .unwrap_err();
    assert!(why.starts_with("it was not saved"), "{why}");

    make_room(&host.process);
    // What waited is written as soon as it can be.
    let saved = async { while client.call("update_node", rename("kept")).await.is_err() {} };
    timeout(PATIENCE, saved).await.unwrap();
    host.process.kill().await.unwrap();
    let mut host = Host::run(serve(data.path()));
    let mut client = host.client().await;
    let nodes = client.call("get_nodes", json!({})).await.unwrap();
    assert_eq!(nodes[0]["name"], "kept");
    let of = json!({ "worker_id": uuid, "class_id": PROBE });
    client.call("get_external_worker_config", of).await.unwrap();
}
