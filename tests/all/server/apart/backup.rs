//! `ewh backup`: a host is copied while clients write, comes back elsewhere, and has what was acknowledged before.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use external_worker_artifacts::PROBE_HOST;
use external_worker_tests::PATIENCE;
use serde_json::{Value as Json, json};
use tokio::process::Command;
use tokio::time::timeout;

use super::managed::{Managed, admitted};
use super::{EWH, PROBE, signal};
use crate::server::process::Process;
use crate::server::{Client, data_with_probe};

/// What `ewh backup` ended with, what it printed, and what else it said.
async fn backup(managed: Option<&Managed>, arguments: &[&str]) -> (Option<i32>, Json, String) {
    let mut command = Command::new(EWH);
    command.args(["--json", "backup"]).args(arguments);
    if let Some(managed) = managed {
        command.env("EWH_API", format!("http://{}", managed.api));
        command.env("EWH_API_TOKEN", &managed.token);
    }
    let ended = timeout(PATIENCE, command.output()).await.unwrap().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    let printed = serde_json::from_slice(&ended.stdout).unwrap_or(Json::Null);
    (ended.status.code(), printed, said)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A host with the tenants `lab`, in which the probe is, and `quiet`, which was served and is not.
async fn with_tenants(data: &Path, isolation: &str) -> Managed {
    let mut managed = Managed::start(data, isolation).await;
    managed.ask("POST /tenants", json!({ "name": "lab" })).await;
    managed.host.next().await;
    managed
        .ask("POST /tenants", json!({ "name": "quiet" }))
        .await;
    managed.host.next().await;
    let is_served = |json: &Json| json["runs"]["state"] == "serving";
    managed.until("GET /tenants/quiet", is_served).await;
    managed.ask("POST /tenants/quiet/suspend", Json::Null).await;
    let module = std::fs::read(PROBE_HOST).unwrap();
    let put = format!("PUT /tenants/lab/modules/{PROBE}.wasm");
    let kind = "application/octet-stream";
    let (status, installed) = managed.send(&managed.token, &put, &module, kind).await;
    assert_eq!(status, 200, "{installed}");
    managed
        .until("GET /tenants/lab/modules", |json| {
            json["items"][0]["classes"] == json!([PROBE])
        })
        .await;
    managed
}

/// Where `lab` is served.
async fn serving(managed: &Managed) -> super::Serving {
    let state = managed
        .until("GET /tenants/lab", |json| {
            json["runs"]["state"] == "serving"
        })
        .await;
    super::Serving {
        tenant: "lab".to_owned(),
        url: format!("ws://{}", state["runs"]["address"].as_str().unwrap()),
        uuid: state["runs"]["uuid"].as_str().unwrap().to_owned(),
        pid: state["runs"]["pid"].to_string(),
    }
}

/// Sets the value of `node` to one, two, three … until it is told to stop; what was acknowledged is in `count`.
async fn write(mut client: Client, node: String, count: Arc<AtomicU64>, stop: Arc<AtomicBool>) {
    for value in 1_u64.. {
        let set = json!({ "nid": node, "ioid": "value", "value": value, "set_default": true });
        client.call("set_io_value", set).await.unwrap();
        count.store(value, Ordering::SeqCst);
        if stop.load(Ordering::SeqCst) {
            return;
        }
    }
}

async fn value(client: &mut Client, node: &str) -> u64 {
    let get = json!({ "nid": node, "ioid": "value" });
    let value = client.call("get_io_value", get).await.unwrap();
    value.as_u64().unwrap()
}

#[tokio::test]
async fn a_host_is_copied_while_a_client_writes_and_comes_back_elsewhere() {
    for isolation in ["none", "process"] {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let managed = with_tenants(&data, isolation).await;
        let author = managed.token("author").await.1;
        let served = serving(&managed).await;
        let mut client = admitted(&served, &author).await;
        let uuid = client.add_probe().await;
        let node = client.add_node(&uuid, "echo").await;
        let named = json!({
            "worker_id": uuid, "class_id": PROBE, "name": "mine", "config": { "number": 7 }
        });
        client.call("update_external_worker", named).await.unwrap();
        let grant = json!({ "module": PROBE, "lines": "clocks = true" });
        managed.ask("POST /tenants/lab/grants", grant).await;
        std::fs::write(data.join("lab/files/notes"), "kept").unwrap();
        std::os::unix::fs::symlink("/etc", data.join("lab/files/way")).unwrap();

        let (count, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let writing = write(client, node.clone(), Arc::clone(&count), Arc::clone(&stop));
        let writing = tokio::spawn(writing);
        let written = |least: u64| {
            let count = Arc::clone(&count);
            async move {
                while count.load(Ordering::SeqCst) < least {
                    tokio::task::yield_now().await;
                }
            }
        };
        timeout(PATIENCE, written(10)).await.unwrap();
        let before = count.load(Ordering::SeqCst);
        let file = dir.path().join("backup.tar");
        let (code, made, said) = backup(Some(&managed), &["create", text(&file)]).await;
        assert_eq!(code, Some(0), "{made} {said}");
        let found = &made["backup"];
        assert_eq!(found["workers"], json!(["lab", "quiet"]), "{made}");
        assert_eq!(
            (&found["control"], &found["audit"]),
            (&json!(true), &json!(true))
        );
        assert!(made.to_string().contains("it is a link"), "{made}");
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read(data.join("lab/snapshot.db")).unwrap(), b"");
        // The client went on, and goes on.
        let after = count.load(Ordering::SeqCst);
        timeout(PATIENCE, written(after + 10)).await.unwrap();
        let (code, _, said) = backup(Some(&managed), &["create", text(&file)]).await;
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("is there already"), "{said}");
        let beside = dir.path().join("beside.tar");
        let beneath = ["create", text(&beside), "--data", text(&data)];
        let (code, _, said) = backup(None, &beneath).await;
        assert_eq!((code, beside.exists()), (Some(2), false), "{said}");
        assert!(
            said.contains("in use") && said.contains("leave out --data"),
            "{said}"
        );
        stop.store(true, Ordering::SeqCst);
        writing.await.unwrap();
        let audit = managed
            .ask("GET /audit?limit=200&kind=backup", Json::Null)
            .await;
        assert_eq!(audit["records"].as_array().unwrap().len(), 1, "{audit}");
        let token = managed.token.clone();
        signal("-TERM", &managed.host.pid());
        assert_eq!(managed.host.ended().await, Some(0));

        let back = dir.path().join("back/data");
        let audit = back.join(".audit");
        let restore = [
            "restore",
            text(&file),
            "--data",
            text(&back),
            "--audit",
            text(&audit),
        ];
        let (code, _, said) = backup(None, &restore).await;
        assert_eq!(code, Some(0), "{said}");
        let mut managed = Managed::start(&back, isolation).await;
        managed.token = token;
        let served = serving(&managed).await;
        let mut client = admitted(&served, &author).await;
        client.comes(&uuid).await;
        let value = value(&mut client, &node).await;
        assert!(
            (before..=after + 1).contains(&value),
            "{before} {value} {after}"
        );
        let instances = managed.ask("GET /tenants/lab/instances", Json::Null).await;
        let instance = &instances["items"][0];
        assert_eq!(
            (&instance["uuid"], &instance["name"]),
            (&json!(uuid), &json!("mine"))
        );
        let policies = managed.ask("GET /tenants/lab/policies", Json::Null).await;
        assert!(policies.to_string().contains("clocks"), "{policies}");
        let quiet = managed.ask("GET /tenants/quiet", Json::Null).await;
        assert_eq!(quiet["suspended"], true);
        let notes = std::fs::read_to_string(back.join("lab/files/notes")).unwrap();
        assert_eq!(notes, "kept");
        assert!(back.join("lab/files/way").symlink_metadata().is_err());
        let verdict = managed.ask("GET /audit/verify", Json::Null).await;
        assert_eq!(verdict["whole"], true, "{verdict}");
    }
}

#[tokio::test]
async fn a_tenant_that_does_not_answer_is_said_and_costs_no_other_its_copy() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let managed = with_tenants(&data, "process").await;
    let served = serving(&managed).await;
    signal("-STOP", &served.pid);
    let file = dir.path().join("backup.tar");
    let (code, made, said) = backup(Some(&managed), &["create", text(&file)]).await;
    signal("-CONT", &served.pid);
    assert_eq!(code, Some(5), "{made} {said}");
    assert_eq!(made["backup"]["workers"], json!(["quiet"]));
    let left_out = &made["backup"]["left_out"][0];
    assert_eq!(left_out["path"], "data/lab");
    assert_eq!(left_out["why"], "its Worker does not answer");
}

#[tokio::test]
async fn a_worker_alone_is_copied_while_nobody_has_it() {
    let data = data_with_probe();
    let process = Process::start(data.path()).await;
    let mut client = process.client().await;
    let uuid = client.add_probe().await;
    let node = client.add_node(&uuid, "echo").await;
    let set = json!({ "nid": node, "ioid": "value", "value": 17, "set_default": true });
    client.call("set_io_value", set).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("backup.tar");
    let create = ["create", text(&file), "--data", text(data.path())];
    let (code, _, said) = backup(None, &create).await;
    assert_eq!(code, Some(2), "{said}");
    let owner = format!("process {}", process.id());
    assert!(said.contains(&owner), "{said}");
    // What it had committed is in two files now.
    process.kill().await;
    let (code, made, said) = backup(None, &create).await;
    assert_eq!(
        (code, &made["backup"]["workers"]),
        (Some(0), &json!([""])),
        "{said}"
    );
    let back = dir.path().join("back");
    let restore = ["restore", text(&file), "--data", text(&back)];
    let (code, _, said) = backup(None, &restore).await;
    assert_eq!(code, Some(0), "{said}");
    let process = Process::start(&back).await;
    let mut client = process.client().await;
    client.comes(&uuid).await;
    assert_eq!(value(&mut client, &node).await, 17);
    process.kill().await;
    let (code, _, said) = backup(None, &restore).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("new or empty"), "{said}");
}

#[tokio::test]
async fn what_is_no_backup_any_more_brings_nothing_back() {
    let data = data_with_probe();
    Process::start(data.path()).await.kill().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("backup.tar");
    let create = ["create", text(&file), "--data", text(data.path())];
    assert_eq!(backup(None, &create).await.0, Some(0));
    let (code, verified, _) = backup(None, &["verify", text(&file)]).await;
    assert_eq!(
        (code, verified["backup"]["files"].as_u64() > Some(1)),
        (Some(0), true)
    );
    let whole = std::fs::read(&file).unwrap();
    let broken = dir.path().join("broken.tar");
    let back = dir.path().join("back/data");
    let mut bad: Vec<Vec<u8>> = [600, whole.len() / 3, whole.len() / 2, whole.len() - 1]
        .map(|at| {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            changed
        })
        .to_vec();
    bad.extend([0, 512, whole.len() / 2, whole.len() - 512].map(|end| whole[..end].to_vec()));
    bad.push([&whole[..], b"x"].concat());
    // What other programs pack is not taken, whatever it leads to.
    let unpacked = dir.path().join("unpacked");
    std::fs::create_dir(&unpacked).unwrap();
    let tar = async |arguments: &[&str]| {
        let mut command = Command::new("tar");
        let ran = command
            .current_dir(&unpacked)
            .args(arguments)
            .status()
            .await;
        assert!(ran.unwrap().success(), "{arguments:?}");
    };
    tar(&["-xf", text(&file)]).await;
    std::os::unix::fs::symlink("/etc", unpacked.join("data/way")).unwrap();
    tar(&[
        "-cf",
        text(&broken),
        "backup.json",
        "data",
        "manifest.jsonl",
    ])
    .await;
    bad.push(std::fs::read(&broken).unwrap());
    std::fs::remove_file(unpacked.join("data/way")).unwrap();
    let up = "--transform=s,^data/state.db$,data/../../state.db,";
    tar(&[
        "-cPf",
        text(&broken),
        up,
        "backup.json",
        "data",
        "manifest.jsonl",
    ])
    .await;
    bad.push(std::fs::read(&broken).unwrap());
    for (at, bytes) in bad.iter().enumerate() {
        std::fs::write(&broken, bytes).unwrap();
        for what in [
            &["verify", text(&broken)][..],
            &["restore", text(&broken), "--data", text(&back)],
        ] {
            let (code, _, said) = backup(None, what).await;
            assert_eq!(code, Some(2), "{at}: {said}");
            assert!(said.contains("not what was written"), "{at}: {said}");
        }
        let left = std::fs::read_dir(back.parent().unwrap()).unwrap();
        assert_eq!(left.count(), 0, "{at}");
        assert!(!dir.path().join("state.db").exists());
    }
}
