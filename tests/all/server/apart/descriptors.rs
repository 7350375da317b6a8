//! A host with few file descriptors: guests that hold all that they may leave it its own.

use external_worker_artifacts::PROBE_FILES;
use serde_json::json;
use tokio::process::Command;

use super::grants::{ask, tell, text, write};
use super::{EWH, Host, data_of};

#[tokio::test]
async fn guests_that_hold_files_leave_the_host_its_descriptors() {
    let data = tempfile::tempdir().unwrap();
    let granted = tempfile::tempdir().unwrap();
    std::fs::write(granted.path().join("hello.txt"), "hello").unwrap();
    data_of(data.path(), "lab", "files", PROBE_FILES);
    let folder = granted.path().display();
    let policy =
        format!("[budget]\nhandles = 256\n[[files]]\nhost = \"{folder}\"\nguest = \"/data\"\n");
    write(data.path(), "files", &policy);
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 1024 && exec \"$0\" \"$@\"", EWH])
        .args(["serve", "--json", "--port", "0", "--data"])
        .arg(data.path().join("lab"));
    let mut host = Host::run(command);
    let serving = host.next().await;
    let mut client = serving.client().await;

    let asked = json!({ "module": "files", "cls_module": "files", "cls_name": "files2" });
    let hoard = [("path", text("/data/hello.txt")), ("most", json!(1000))];
    let (mut workers, mut held, mut refused) = (Vec::new(), 0, None);
    while refused.is_none() && workers.len() < 8 {
        match client.call("add_external_worker", asked.clone()).await {
            Ok(added) => {
                let uuid = added["uuid"].as_str().unwrap().to_owned();
                let worker = (uuid, "files2");
                let kept = ask(&mut client, &worker, "hoard", &hoard).await.unwrap();
                held += kept.as_i64().unwrap();
                workers.push(worker);
            }
            Err(why) => refused = Some(why),
        }
    }
    // Several had all of their budget, and one more instance is refused, with the reason.
    assert!((257..512).contains(&held), "{held}");
    let why = refused.unwrap();
    assert!(
        why.contains("file descriptors") && why.contains("512"),
        "{why}"
    );

    let mut clients = Vec::new();
    for _ in 0..100 {
        let mut client = serving.client().await;
        assert_eq!(client.call("name", json!({})).await.unwrap(), "worker");
        clients.push(client);
    }
    // A look at the modules finds them all: a new policy is one that it acts on.
    let module = client.call("get_worker_dependencies", json!({})).await;
    assert!(module.unwrap().to_string().contains("files2"));
    // What is closed is had again.
    tell(&mut client, &workers[0], "let_go", &[]).await;
    client.call("add_external_worker", asked).await.unwrap();
}
