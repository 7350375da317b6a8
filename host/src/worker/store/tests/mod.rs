//! The store: what is dirty is written, in one piece, and is there again.

mod migrations;
mod snapshots;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak, mpsc};

use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::json;

#[derive(Default)]
struct Things {
    nodes: Mutex<BTreeMap<String, Json>>,
    instances: Mutex<BTreeMap<String, SavedInstance>>,
    reads: AtomicUsize,
    /// Each answer about a node says so here and waits for a word.
    gate: Mutex<Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>>,
}

impl Source for Things {
    fn node(&self, id: &str) -> Option<Json> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        if let Some((asked, go)) = &*self.gate.lock().unwrap() {
            asked.send(()).unwrap();
            go.recv().unwrap();
        }
        self.nodes.lock().unwrap().get(id).cloned()
    }
    fn document(&self, document: Document) -> Option<Json> {
        Some(json!([format!("{document:?}")]))
    }
    fn instance(&self, uuid: &str) -> Option<SavedInstance> {
        self.instances.lock().unwrap().get(uuid).cloned()
    }
    fn instance_state(&self, uuid: &str) -> Option<Vec<u8>> {
        Some(uuid.as_bytes().to_vec())
    }
    fn package(&self, name: &str) -> Option<SavedPackage> {
        Some(package(name))
    }
    fn meta(&self, key: &str) -> Option<Json> {
        Some(json!({ "key": key }))
    }
    fn failed(&self, error: &StoreError) {
        panic!("{error}");
    }
    fn recovered(&self) {}
}

impl Things {
    fn set_node(&self, id: &str, version: u32) -> Dirty {
        let node = json!({"id": id, "version": version});
        self.nodes.lock().unwrap().insert(id.to_owned(), node);
        Dirty::Node(id.to_owned())
    }

    fn set_instance(&self, uuid: &str, token: &str) -> [Dirty; 2] {
        let saved = instance(uuid, token);
        self.instances
            .lock()
            .unwrap()
            .insert(uuid.to_owned(), saved);
        let uuid = uuid.to_owned();
        // The state first: the writer has to see to the order itself.
        [Dirty::StoreData(uuid.clone()), Dirty::Instance(uuid)]
    }
}

fn package(name: &str) -> SavedPackage {
    SavedPackage {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        digest: "blake3:00".to_owned(),
        source: "a folder".to_owned(),
    }
}

fn instance(uuid: &str, token: &str) -> SavedInstance {
    SavedInstance {
        uuid: uuid.to_owned(),
        class_id: "demo".to_owned(),
        module: "demo-module".to_owned(),
        name: None,
        config: json!({ "token": token }),
        paused: true,
    }
}

fn attached(dir: &TempDir) -> (Store, Loaded, Arc<Things>) {
    let (store, loaded) = Store::open(dir.path()).unwrap();
    let things = Arc::new(Things::default());
    let source: Arc<dyn Source> = Arc::clone(&things) as Arc<dyn Source>;
    store.attach(Arc::downgrade(&source));
    (store, loaded, things)
}

async fn reopened(dir: &TempDir) -> Loaded {
    let (store, loaded) = Store::open(dir.path()).unwrap();
    store.close().await.unwrap();
    loaded
}

#[tokio::test]
async fn what_guests_change_is_written_once_however_often_it_changes() {
    let dir = TempDir::new().unwrap();
    let (store, _, things) = attached(&dir);
    let began = std::time::Instant::now();
    for version in 0..1000 {
        store.dirty_later(things.set_node("n", version));
        store.dirty([Dirty::Meta("name".to_owned())]);
        store.saved().await.unwrap();
    }
    let reads = things.reads.load(Ordering::Relaxed);
    let pause = crate::limits::GUEST_SAVE_PAUSE.as_secs();
    assert!(
        reads as u64 <= began.elapsed().as_secs() / pause + 1,
        "{reads}"
    );
    store.close().await.unwrap();
    let loaded = reopened(&dir).await;
    assert_eq!(loaded.nodes, [json!({"id": "n", "version": 999})]);
}

#[tokio::test]
async fn everything_comes_back_in_the_order_in_which_it_was_made() {
    let dir = TempDir::new().unwrap();
    let (store, loaded, things) = attached(&dir);
    assert!(loaded.created && loaded.nodes.is_empty());
    for id in ["z", "a", "m"] {
        store.dirty([things.set_node(id, 1)]);
        store.dirty(things.set_instance(id, "secret"));
        store.saved().await.unwrap();
    }
    store.dirty(Document::ALL.map(Dirty::Document));
    store.dirty([
        Dirty::Meta("name".to_owned()),
        Dirty::Package("p".to_owned()),
    ]);
    store.dirty([things.set_node("z", 2)]);
    things.nodes.lock().unwrap().remove("a");
    store.dirty([Dirty::Node("a".to_owned())]);
    store.close().await.unwrap();

    let loaded = reopened(&dir).await;
    assert!(!loaded.created);
    let nodes = [
        json!({"id": "z", "version": 2}),
        json!({"id": "m", "version": 1}),
    ];
    assert_eq!(loaded.nodes, nodes);
    assert_eq!(
        loaded.instances,
        ["z", "a", "m"].map(|id| instance(id, "secret"))
    );
    assert_eq!(loaded.instance_states["m"], b"m");
    assert_eq!(loaded.packages, [package("p")]);
    assert_eq!(loaded.meta["name"], json!({"key": "name"}));
    let documents = [loaded.edges, loaded.groups, loaded.properties];
    assert_eq!(
        documents,
        Document::ALL.map(|d| Some(json!([format!("{d:?}")])))
    );
    assert!(loaded.problems.is_empty());
}

#[tokio::test]
async fn an_instance_takes_its_state_along_and_leaves_no_secret_in_the_files() {
    let dir = TempDir::new().unwrap();
    let (store, _, things) = attached(&dir);
    let mut all = Vec::from(things.set_instance("kept", "word-of-the-kept"));
    all.extend(things.set_instance("gone", "word-of-the-gone"));
    store.dirty(all);
    store.saved().await.unwrap();
    things.instances.lock().unwrap().remove("gone");
    // A state that was marked again while its instance went.
    store.dirty(["gone"].map(|uuid| Dirty::Instance(uuid.to_owned())));
    store.dirty(["gone"].map(|uuid| Dirty::StoreData(uuid.to_owned())));
    store.close().await.unwrap();

    let everything: Vec<u8> = fs::read_dir(dir.path())
        .unwrap()
        .flat_map(|entry| fs::read(entry.unwrap().path()).unwrap())
        .collect();
    let holds = |word: &[u8]| everything.windows(word.len()).any(|part| part == word);
    assert!(holds(b"word-of-the-kept") && !holds(b"word-of-the-gone"));
    let loaded = reopened(&dir).await;
    assert_eq!(loaded.instances.len(), 1);
    assert_eq!(
        loaded.instance_states.into_keys().collect::<Vec<_>>(),
        ["kept"]
    );
}

#[tokio::test]
async fn changes_during_a_commit_cost_one_more() {
    let dir = TempDir::new().unwrap();
    let (store, _, things) = attached(&dir);
    let (asked, on_asked) = mpsc::channel();
    let (go, on_go) = mpsc::channel();
    *things.gate.lock().unwrap() = Some((asked, on_go));
    store.dirty([things.set_node("n", 0)]);
    on_asked.recv().unwrap();
    let first = store.saved();
    for version in 1..=1000 {
        store.dirty([things.set_node("n", version)]);
    }
    let second = store.saved();
    go.send(()).unwrap();
    first.await.unwrap();
    on_asked.recv().unwrap();
    go.send(()).unwrap();
    second.await.unwrap();
    assert_eq!(things.reads.load(Ordering::Relaxed), 2);
    *things.gate.lock().unwrap() = None;
    store.close().await.unwrap();
    assert_eq!(
        reopened(&dir).await.nodes,
        [json!({"id": "n", "version": 1000})]
    );
}

#[tokio::test]
async fn what_is_marked_before_there_is_a_source_waits_for_it() {
    let dir = TempDir::new().unwrap();
    let (store, _) = Store::open(dir.path()).unwrap();
    let things = Arc::new(Things::default());
    store.dirty([things.set_node("early", 1)]);
    let saved = store.saved();
    let source: Arc<dyn Source> = Arc::clone(&things) as Arc<dyn Source>;
    store.attach(Arc::downgrade(&source));
    saved.await.unwrap();
    store.close().await.unwrap();
    assert_eq!(reopened(&dir).await.nodes.len(), 1);
}

#[tokio::test]
async fn a_store_without_anybody_to_ask_says_so_and_a_closed_one_too() {
    let dir = TempDir::new().unwrap();
    let (store, _) = Store::open(dir.path()).unwrap();
    store.saved().await.unwrap();
    let nobody: Weak<dyn Source> = Weak::<Things>::new();
    store.attach(nobody);
    store.dirty([Dirty::Node("n".to_owned())]);
    assert!(matches!(store.saved().await, Err(StoreError::Closed)));
    assert!(matches!(store.close().await, Err(StoreError::Closed)));
    store.dirty([Dirty::Node("n".to_owned())]);
    assert!(matches!(store.saved().await, Err(StoreError::Closed)));
}

#[tokio::test]
async fn a_dropped_store_still_commits() {
    let dir = TempDir::new().unwrap();
    let (store, _, things) = attached(&dir);
    let mut end = {
        store.dirty([things.set_node("n", 1)]);
        let saved = store.saved();
        drop(store);
        Box::pin(saved)
    };
    end.as_mut().await.unwrap();
}

#[tokio::test]
async fn only_one_host_has_a_directory() {
    let dir = TempDir::new().unwrap();
    let (store, _) = Store::open(dir.path()).unwrap();
    let refused = Store::open(dir.path()).unwrap_err();
    let owner = format!("process {}", std::process::id());
    assert!(refused.to_string().contains(&owner), "{refused}");
    assert!(!refused.public().contains(dir.path().to_str().unwrap()));
    store.close().await.unwrap();
    reopened(&dir).await;
}

#[tokio::test]
async fn nobody_else_can_read_a_file_of_it() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    // Left by somebody careless: made safe before anything is written to it.
    fs::write(data.join(FILE), "").unwrap();
    fs::set_permissions(data.join(FILE), fs::Permissions::from_mode(0o666)).unwrap();
    let (store, _) = Store::open(&data).unwrap();
    let mode = |name: String| fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
    for name in [FILE.to_owned(), format!("{FILE}-wal"), "lock".to_owned()] {
        assert_eq!(mode(name.clone()), 0o600, "{name}");
    }
    store.close().await.unwrap();
    assert!(!data.join(format!("{FILE}-wal")).exists());
    let (store, _) = Store::open(&dir.path().join("made/by/us")).unwrap();
    let made = fs::metadata(dir.path().join("made/by/us")).unwrap();
    assert_eq!(made.permissions().mode() & 0o777, 0o700);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_file_of_a_newer_host_or_of_another_program_stays_as_it_is() {
    let dir = TempDir::new().unwrap();
    reopened(&dir).await;
    let change = |sql: &str| {
        let connection = Connection::open(dir.path().join(FILE)).unwrap();
        connection.execute_batch(sql).unwrap();
    };
    change("PRAGMA user_version = 1000");
    let newer = Store::open(dir.path()).unwrap_err();
    assert!(
        matches!(newer, StoreError::Newer { found: 1000, .. }),
        "{newer}"
    );
    change("PRAGMA user_version = 0; PRAGMA application_id = 7");
    let foreign = Store::open(dir.path()).unwrap_err();
    assert!(matches!(foreign, StoreError::Foreign { .. }), "{foreign}");
    let nonsense = TempDir::new().unwrap();
    let file = nonsense.path().join(FILE);
    let content = "no database at all".repeat(100);
    fs::write(&file, &content).unwrap();
    let broken = Store::open(nonsense.path()).unwrap_err();
    assert!(matches!(broken, StoreError::Corrupt { .. }), "{broken}");
    assert_eq!(fs::read_to_string(file).unwrap(), content);
}

#[tokio::test]
async fn one_broken_row_hides_no_other() {
    let dir = TempDir::new().unwrap();
    let (store, _, things) = attached(&dir);
    store.dirty(["a", "b"].map(|id| things.set_node(id, 1)));
    store.close().await.unwrap();
    let connection = Connection::open(dir.path().join(FILE)).unwrap();
    let broken = "UPDATE node SET json = '{\"s3cr3t' WHERE id = 'a'";
    connection.execute_batch(broken).unwrap();
    drop(connection);
    let loaded = reopened(&dir).await;
    assert_eq!(loaded.nodes, [json!({"id": "b", "version": 1})]);
    let [problem] = &loaded.problems[..] else {
        panic!("{:?}", loaded.problems)
    };
    assert!(
        problem.contains("node `a`") && !problem.contains("s3cr3t"),
        "{problem}"
    );
    assert!(json::parse(b"{\"s3cr3t").is_err());
}
