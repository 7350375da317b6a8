//! The folder of an external worker after everything that happens to it.

use std::collections::BTreeMap;
use std::path::Path;

use external_worker_artifacts::PROBE_DATA;
use external_worker_host::policy::{Capability, Manifest};
use serde_json::{Value as Json, json};

use super::process::Process;
use super::{Client, binary, parse};
use crate::worker::until;

const DATA: &str = "data";

/// The same code in other bytes.
fn version(n: u32) -> Vec<u8> {
    let manifest = Manifest {
        name: "probe-data".to_owned(),
        package_version: n.to_string(),
        requests: BTreeMap::from([(Capability::Data, "keeps its count".to_owned())]),
    };
    let wasm = std::fs::read(PROBE_DATA).unwrap();
    manifest.write(&wasm).unwrap()
}

/// The data of a Worker with the probe as its module, and a policy that gives it `quota`.
fn data_with(quota: &str) -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    for folder in ["local_workers", "policies"] {
        std::fs::create_dir_all(data.path().join(folder)).unwrap();
    }
    let policy = format!("[data]\nquota = \"{quota}\"\n");
    std::fs::write(data.path().join("policies/data.toml"), policy).unwrap();
    put(data.path(), &std::fs::read(PROBE_DATA).unwrap());
    data
}

/// Whole from one moment to the next.
fn put(data: &Path, component: &[u8]) {
    let place = data.join("local_workers/data.wasm");
    let aside = place.with_extension("part");
    std::fs::write(&aside, component).unwrap();
    std::fs::rename(aside, place).unwrap();
}

fn of(uuid: &str) -> Json {
    json!({ "worker_id": uuid, "class_id": DATA })
}

/// The nodes of the external worker.
struct Nodes {
    bump: String,
    count: String,
    remembered: String,
    trap: String,
}

impl Nodes {
    async fn of(client: &mut Client, uuid: &str) -> Self {
        let mut ids = Vec::new();
        for method in ["bump", "count", "remembered", "trap"] {
            let class = json!({ "id": format!("{DATA}.{uuid}.{method}") });
            let node = client.call("add_node", class).await.unwrap();
            ids.push(node["id"].as_str().unwrap().to_owned());
        }
        let [bump, count, remembered, trap] = ids.try_into().unwrap();
        Self {
            bump,
            count,
            remembered,
            trap,
        }
    }
}

/// Runs a node; `None`: that failed.
async fn try_run(client: &mut Client, node: &str) -> Option<i64> {
    let trigger = json!({ "nid": node });
    client.call("trigger_node", trigger).await.unwrap();
    let said = client.wait_for(|message| match binary(message) {
        Some((header, body)) => {
            let is_it = header.contains(node) && header.contains("; io=out; ");
            is_it.then_some(Some(body))
        }
        None => {
            let message = parse(message)?;
            let is_it = message["event"] == "node_trigger_error";
            (is_it && message["data"].to_string().contains(node)).then_some(None)
        }
    });
    let body = said.await?;
    Some(i64::from_be_bytes(body.try_into().unwrap()))
}

/// Runs a node, again while the instance starts again.
async fn run(client: &mut Client, node: &str) -> i64 {
    loop {
        if let Some(out) = try_run(client, node).await {
            return out;
        }
    }
}

/// Waits until nothing is in memory any more: what is there now started anew.
async fn begins_anew(client: &mut Client, nodes: &Nodes) {
    while run(client, &nodes.remembered).await > 0 {}
}

/// What is counted after each thing that happens, beside what is in memory then.
#[derive(Default)]
struct Table(Vec<(&'static str, i64, i64)>);

impl Table {
    async fn note(&mut self, what: &'static str, client: &mut Client, nodes: &Nodes) {
        let remembered = run(client, &nodes.remembered).await;
        let count = run(client, &nodes.count).await;
        self.0.push((what, count, remembered));
    }

    fn print(&self) {
        println!("| after | in the folder | in memory |\n|---|---|---|");
        for (what, count, remembered) in &self.0 {
            println!("| {what} | {count} | {remembered} |");
        }
    }
}

#[tokio::test]
async fn the_folder_is_there_after_everything_and_goes_with_its_owner() {
    let data = data_with("1 MiB");
    let process = Process::start(data.path()).await;
    let mut client = process.client().await;
    let add = json!({ "module": DATA, "cls_module": DATA, "cls_name": DATA });
    let added = client.call("add_external_worker", add).await.unwrap();
    let uuid = added["uuid"].as_str().unwrap().to_owned();
    let nodes = Nodes::of(&mut client, &uuid).await;
    let mut table = Table::default();

    for count in 1..=3 {
        assert_eq!(run(&mut client, &nodes.bump).await, count);
    }
    table.note("three counts", &mut client, &nodes).await;

    let restart = client.call("restart_external_worker", of(&uuid));
    restart.await.unwrap();
    begins_anew(&mut client, &nodes).await;
    table.note("restart", &mut client, &nodes).await;

    run(&mut client, &nodes.bump).await;
    assert_eq!(try_run(&mut client, &nodes.trap).await, None);
    begins_anew(&mut client, &nodes).await;
    table.note("trap", &mut client, &nodes).await;

    run(&mut client, &nodes.bump).await;
    put(data.path(), &version(2));
    begins_anew(&mut client, &nodes).await;
    table.note("new code", &mut client, &nodes).await;

    run(&mut client, &nodes.bump).await;
    drop(client);
    process.kill().await;
    let process = Process::start(data.path()).await;
    let mut client = process.client().await;
    client.comes(&uuid).await;
    table.note("kill -9", &mut client, &nodes).await;

    run(&mut client, &nodes.bump).await;
    let export = json!({ "with_files": true });
    let export = client.call("export_worker", export).await.unwrap();
    let elsewhere = data_with("1 MiB");
    let other = Process::start(elsewhere.path()).await;
    let mut there = other.client().await;
    let import = json!({ "data": export });
    there
        .call("update_from_export", import.clone())
        .await
        .unwrap();
    there.comes(&uuid).await;
    table.note("export and import", &mut there, &nodes).await;
    // It goes on by itself, and an import takes nothing from who is here already.
    run(&mut there, &nodes.bump).await;
    there.call("update_from_export", import).await.unwrap();
    table
        .note("the same import again", &mut there, &nodes)
        .await;
    table.note("meanwhile, at home", &mut client, &nodes).await;

    let folder = |data: &Path| data.join("folders").join(&uuid);
    assert!(folder(data.path()).is_dir());
    let remove = client.call("remove_external_worker", of(&uuid));
    remove.await.unwrap();
    assert!(!folder(data.path()).exists(), "it goes with its owner");
    let left = || {
        std::fs::read_dir(data.path().join("folders"))
            .unwrap()
            .count()
    };
    until(|| left() == 0).await;
    assert!(folder(elsewhere.path()).is_dir(), "the other one stays");
    table.print();
    let is = [
        ("three counts", 3, 3),
        ("restart", 3, 0),
        ("trap", 4, 0),
        ("new code", 5, 0),
        ("kill -9", 6, 0),
        ("export and import", 7, 0),
        ("the same import again", 8, 1),
        ("meanwhile, at home", 7, 1),
    ];
    assert_eq!(table.0, is);
    process.kill().await;
    other.kill().await;
}

/// What a process that died was about to remove, and what belongs to nobody, is gone after the next start.
#[tokio::test]
async fn what_is_nobodys_goes_when_the_worker_is_opened() {
    let data = data_with("1 MiB");
    let folders = data.path().join("folders");
    for name in ["gone-1", "arriving-2", "0123456789abcdef0123456789abcdef"] {
        std::fs::create_dir_all(folders.join(name)).unwrap();
        std::fs::write(folders.join(name).join("file"), "").unwrap();
    }
    let process = Process::start(data.path()).await;
    until(|| std::fs::read_dir(&folders).unwrap().count() == 0).await;
    process.kill().await;
}

/// An export of a Worker with one external worker that counted once.
struct Exported {
    uuid: String,
    nodes: Nodes,
    import: Json,
}

impl Exported {
    async fn made() -> Self {
        let data = data_with("1 MiB");
        let process = Process::start(data.path()).await;
        let mut client = process.client().await;
        let add = json!({ "module": DATA, "cls_module": DATA, "cls_name": DATA });
        let added = client.call("add_external_worker", add).await.unwrap();
        let uuid = added["uuid"].as_str().unwrap().to_owned();
        let nodes = Nodes::of(&mut client, &uuid).await;
        run(&mut client, &nodes.bump).await;
        let export = json!({ "with_files": true });
        let export = client.call("export_worker", export).await.unwrap();
        process.kill().await;
        Self {
            uuid,
            nodes,
            import: json!({ "data": export }),
        }
    }
}

/// An import brings no more than the policy of the module allows, and says what it left out.
#[tokio::test]
async fn an_import_that_is_more_than_the_quota_brings_no_folder() {
    let Exported {
        uuid,
        nodes,
        import,
    } = Exported::made().await;
    // A name alone is more.
    let elsewhere = data_with("1 KiB");
    let other = Process::start(elsewhere.path()).await;
    let mut there = other.client().await;
    let report = there.call("update_from_export", import).await.unwrap();
    assert!(
        report.to_string().contains("more than the quota"),
        "{report}"
    );
    there.comes(&uuid).await;
    assert_eq!(run(&mut there, &nodes.count).await, 0);
    other.kill().await;
}

/// What comes before its module keeps its folder, over a restart too, until the module comes.
#[tokio::test]
async fn an_import_before_its_module_keeps_the_folder() {
    let Exported {
        uuid,
        nodes,
        import,
    } = Exported::made().await;
    let elsewhere = data_with("1 MiB");
    std::fs::remove_file(elsewhere.path().join("local_workers/data.wasm")).unwrap();
    let other = Process::start(elsewhere.path()).await;
    let mut there = other.client().await;
    let report = there.call("update_from_export", import).await.unwrap();
    assert_eq!(report["missing"][0]["class"], DATA, "{report}");
    assert!(!report.to_string().contains("the folder of"), "{report}");
    drop(there);
    other.kill().await;
    let other = Process::start(elsewhere.path()).await;
    let mut there = other.client().await;
    put(elsewhere.path(), &std::fs::read(PROBE_DATA).unwrap());
    there.comes(&uuid).await;
    assert_eq!(run(&mut there, &nodes.count).await, 1);
    other.kill().await;
}
