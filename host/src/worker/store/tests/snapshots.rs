//! A snapshot has everything that was changed before it, whoever goes on changing things.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use tempfile::TempDir;

use super::super::*;
use super::{attached, reopened};

/// What is in the snapshot of `dir`, opened as a copy would be.
async fn taken(dir: &TempDir) -> Loaded {
    let copy = TempDir::new().unwrap();
    fs::copy(dir.path().join(SNAPSHOT), copy.path().join(FILE)).unwrap();
    reopened(&copy).await
}

#[tokio::test]
async fn a_snapshot_has_all_that_was_changed_before_and_is_one_moment() {
    let dir = TempDir::new().unwrap();
    let (store, _, things) = attached(&dir);
    store.dirty([things.set_node("first", 1)]);
    store.dirty(things.set_instance("u", "secret"));
    // Nobody would have waited for this one.
    store.dirty_later(things.set_node("later", 1));
    store.snapshot(States::new()).await.unwrap();
    let found = taken(&dir).await;
    assert_eq!(
        found.nodes,
        [
            json!({"id": "first", "version": 1}),
            json!({"id": "later", "version": 1})
        ]
    );
    assert_eq!(
        (found.instances.len(), found.instance_states["u"].as_slice()),
        (1, &b"u"[..])
    );
    // As a store writes it: a confined process could not bring it there.
    let bytes = fs::read(dir.path().join(SNAPSHOT)).unwrap();
    assert_eq!(bytes[18..20], [2, 2]);
    let mode = fs::metadata(dir.path().join(SNAPSHOT))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    // Nothing is left beside it: a confined process could make no such file.
    let mut names: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["lock", SNAPSHOT, FILE, "state.db-wal"]);

    // Again, over what is there; while one waits, others get the same.
    things.nodes.lock().unwrap().remove("first");
    store.dirty([Dirty::Node("first".to_owned())]);
    let (one, other) = tokio::join!(store.snapshot(States::new()), store.snapshot(States::new()));
    one.unwrap();
    other.unwrap();
    assert_eq!(
        taken(&dir).await.nodes,
        [json!({"id": "later", "version": 1})]
    );
    store.dirty([things.set_node("after", 1)]);
    store.close().await.unwrap();
    assert_eq!(taken(&dir).await.nodes.len(), 1);
    assert!(matches!(
        store.snapshot(States::new()).await,
        Err(StoreError::Closed)
    ));
    // Nothing that was copied stays when the Worker is opened again.
    assert_eq!(reopened(&dir).await.nodes.len(), 2);
    assert_eq!(fs::read(dir.path().join(SNAPSHOT)).unwrap(), b"");
}

#[tokio::test]
async fn snapshots_while_everything_changes_are_whole() {
    let dir = TempDir::new().unwrap();
    let (store, _, things) = attached(&dir);
    let (writer, writes) = (store.clone(), std::sync::Arc::clone(&things));
    let writing = std::thread::spawn(move || {
        for version in 0..2000 {
            let both = [writes.set_node("a", version), writes.set_node("b", version)];
            writer.dirty(both);
        }
    });
    let mut last = 0;
    while !writing.is_finished() {
        store.snapshot(States::new()).await.unwrap();
        let found = taken(&dir).await;
        assert!(found.problems.is_empty());
        let version = |at: usize| {
            found
                .nodes
                .get(at)
                .map_or(0, |node| node["version"].as_u64().unwrap())
        };
        assert!(
            version(0) >= last,
            "no snapshot is older than the one before"
        );
        last = version(0);
    }
    writing.join().unwrap();
    store.snapshot(States::new()).await.unwrap();
    let found = taken(&dir).await;
    assert_eq!(
        (&found.nodes[0]["version"], &found.nodes[1]["version"]),
        (&json!(1999), &json!(1999))
    );
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_written_costs_nothing_else() {
    let dir = TempDir::new().unwrap();
    let (store, _, things) = attached(&dir);
    fs::remove_file(dir.path().join(SNAPSHOT)).unwrap();
    fs::create_dir(dir.path().join(SNAPSHOT)).unwrap();
    store.dirty([things.set_node("n", 1)]);
    let error = store.snapshot(States::new()).await.unwrap_err();
    assert!(matches!(error, StoreError::File { .. }), "{error}");
    store.dirty([things.set_node("n", 2)]);
    store.saved().await.unwrap();
    store.close().await.unwrap();
    assert_eq!(
        reopened(&dir).await.nodes,
        [json!({"id": "n", "version": 2})]
    );
}

#[tokio::test]
async fn what_guests_say_now_is_in_the_snapshot_and_nowhere_else() {
    let dir = TempDir::new().unwrap();
    let (store, _, things) = attached(&dir);
    store.dirty(things.set_instance("u", "secret"));
    store.dirty(things.set_instance("v", "secret"));
    let large = vec![7; 3 << 20];
    let states = [("u", large.clone()), ("gone", b"x".to_vec())];
    let states: States = states.map(|(uuid, state)| (uuid.to_owned(), state)).into();
    store.snapshot(states).await.unwrap();
    let bytes = fs::read(dir.path().join(SNAPSHOT)).unwrap();
    assert_eq!(bytes[18..20], [2, 2]);
    let beside = fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(beside, 4, "the lock, the store, its log and the snapshot");
    let found = taken(&dir).await.instance_states;
    assert_eq!(found.keys().collect::<Vec<_>>(), ["u", "v"]);
    assert_eq!((&found["u"], found["v"].as_slice()), (&large, &b"v"[..]));
    store.close().await.unwrap();
    assert_eq!(reopened(&dir).await.instance_states["u"], b"u");
}

#[tokio::test]
async fn what_is_held_no_host_opens() {
    let dir = TempDir::new().unwrap();
    let held = hold(dir.path()).unwrap();
    let refused = Store::open(dir.path()).unwrap_err();
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
    drop(held);
    let (store, _) = Store::open(dir.path()).unwrap();
    assert!(matches!(hold(dir.path()), Err(StoreError::InUse { .. })));
    store.close().await.unwrap();
}
