//! What a Worker does every day, it does in a confined process, too: requests over HTTP, uploads, exports,
//! new code under what runs.

use external_worker_artifacts::{PROBE_HOST, PROBE_HTTP, PROBE_UPGRADE};
use external_worker_tests::PATIENCE;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::grants::{ask, text, write};
use super::{Client, Host, PROBE, add, data_of, data_with_probe, signal};
use crate::server::http;
use crate::server::uploads::form;
use crate::tls::Authority;
use crate::worker::apart::compiling;
use crate::worker::until;

/// Answers every request with the same; its port.
async fn greets() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
            stream.write_all(answer).await.unwrap();
        }
    });
    port
}

#[tokio::test]
async fn http_reaches_the_granted_server() {
    let data = tempfile::tempdir().unwrap();
    let port = greets().await;
    data_of(data.path(), "lab", "http", PROBE_HTTP);
    let policy = format!(
        "[[http]]\nhost = \"127.0.0.1\"\nports = [{port}]\nscheme = \"http\"\nmethods = [\"GET\"]\n"
    );
    write(data.path(), "http", &policy);
    let mut host = Host::with_tenants(data.path(), &["lab"], "");
    let mut client = host.next().await.client().await;
    let worker = (add(&mut client, "http", "http").await, "http");
    let url = format!("http://127.0.0.1:{port}/");
    let asked = [("method", text("GET")), ("url", text(&url))];
    let answer = ask(&mut client, &worker, "ask", &asked).await.unwrap();
    assert!(answer.to_string().contains("hello"), "{answer}");
    let other = [
        ("method", text("GET")),
        ("url", text("http://127.0.0.1:9/")),
    ];
    ask(&mut client, &worker, "ask", &other).await.unwrap_err();
}

/// Whose certificates are believed is read before the process gives up the files that they are in.
#[tokio::test]
async fn https_reaches_a_server_that_the_operator_believes() {
    let data = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let port = authority.greets("hello").await;
    let ca = authority.write(data.path());
    data_of(data.path(), "lab", "http", PROBE_HTTP);
    let policy = format!(
        "[[http]]\nhost = \"127.0.0.1\"\nports = [{port}]\nscheme = \"https\"\nmethods = [\"GET\"]\n"
    );
    write(data.path(), "http", &policy);
    let file = data.path().join("tenants.toml");
    std::fs::write(&file, "[[tenant]]\nname = \"lab\"\nport = 0\n").unwrap();
    let [file, dir, ca] = [&file, data.path(), &ca].map(|path| path.to_str().unwrap());
    let mut host = Host::start(&["--tenants", file, "--data", dir, "--ca", ca]);
    let mut client = host.next().await.client().await;
    let worker = (add(&mut client, "http", "http").await, "http");
    let url = format!("https://127.0.0.1:{port}/");
    let asked = [("method", text("GET")), ("url", text(&url))];
    let answer = ask(&mut client, &worker, "ask", &asked).await.unwrap();
    assert!(answer.to_string().contains("hello"), "{answer}");
}

#[tokio::test]
async fn what_was_uploaded_and_what_runs_is_exported_and_comes_back() {
    let data = tempfile::tempdir().unwrap();
    data_with_probe(data.path(), "lab");
    let mut host = Host::with_tenants(data.path(), &["lab"], "");
    let serving = host.next().await;
    let mut client = serving.client().await;
    let uuid = client.add_probe().await;
    let node = client.add_node(&uuid, "echo").await;
    let (head, body) = form(&[("file", "lab/notes.txt", b"by hand")]);
    assert_eq!(http(serving.address(), &head, &body).await.status, 200);
    let uploaded = data.path().join("lab/files/lab/notes.txt");
    assert_eq!(std::fs::read(&uploaded).unwrap(), b"by hand");

    let with_files = json!({ "with_files": true });
    let zip = client.call("export_worker", with_files).await.unwrap();
    let of = json!({ "worker_id": uuid, "class_id": PROBE });
    client.call("remove_external_worker", of).await.unwrap();
    std::fs::remove_file(&uploaded).unwrap();
    let back = json!({ "data": zip });
    client.call("update_from_export", back).await.unwrap();
    let nodes = client.call("get_nodes", json!({})).await.unwrap();
    assert_eq!(nodes[0]["id"], node);
    assert_eq!(std::fs::read(&uploaded).unwrap(), b"by hand");
}

/// Asks for the classes of the module `up` until there is `class`.
async fn comes(client: &mut Client, class: &str) {
    let wanted = async {
        loop {
            let modules = client.call("get_worker_dependencies", json!({})).await;
            let modules = modules.unwrap();
            let modules = modules.as_array().unwrap().iter();
            let mut classes = modules
                .filter(|module| module["module"] == "up")
                .flat_map(|module| module["worker_classes"].as_array().unwrap().clone());
            if classes.any(|found: Json| found["class_name"] == class) {
                return;
            }
        }
    };
    timeout(PATIENCE, wanted).await.unwrap();
}

#[tokio::test]
async fn new_code_takes_the_place_of_old_code() {
    let data = tempfile::tempdir().unwrap();
    data_of(data.path(), "lab", "up", PROBE_UPGRADE);
    let mut host = Host::with_tenants(data.path(), &["lab"], "");
    let mut client = host.next().await.client().await;
    comes(&mut client, "upgrade").await;
    let modules = data.path().join("lab/local_workers");
    let next = modules.join("next");
    std::fs::copy(PROBE_HOST, &next).unwrap();
    std::fs::rename(&next, modules.join("up.wasm")).unwrap();
    comes(&mut client, PROBE).await;
    add(&mut client, "up", PROBE).await;
}

/// The process of the tenant starts none: who keeps it does, and ends it with the tenant's.
#[tokio::test]
async fn what_comes_in_is_compiled_by_a_process_of_its_own() {
    let data = tempfile::tempdir().unwrap();
    data_with_probe(data.path(), "lab");
    let mut host = Host::with_tenants(data.path(), &["lab"], "");
    let serving = host.next().await;
    let mut client = serving.client().await;
    let bomb = data.path().join("lab/local_workers/bomb.wasm");
    std::fs::write(&bomb, crate::validate::bomb()).unwrap();
    let keeper = host.process.id().unwrap();
    let mut found = Vec::new();
    until(|| {
        found = compiling(keeper, "");
        found
            .iter()
            .any(|(_, status)| status.contains("\nSeccomp:\t2\n"))
    })
    .await;
    assert!(compiling(serving.pid.parse().unwrap(), "").is_empty());
    // The tenant is served meanwhile, and knows what it took in before.
    add(&mut client, PROBE, PROBE).await;
    std::fs::remove_file(&bomb).unwrap();
    signal("-KILL", &serving.pid);
    let again = host.next().await;
    assert_ne!(again.pid, serving.pid);
    until(|| {
        let running = compiling(keeper, "");
        found
            .iter()
            .all(|(id, _)| running.iter().all(|(other, _)| other != id))
    })
    .await;
}
