//! A folder of the instance's own.

use std::os::unix::fs::symlink;

use external_worker_artifacts::PROBE_DATA;
use external_worker_host::HostError;
use external_worker_host::bindings::types::Value;
use external_worker_host::instance::events::Event;
use external_worker_host::instance::{Folder, Instance, Spec, State};
use external_worker_tests::{TestHost, call, call_int, call_text, spec, wait_for};
use serde_json::json;

const SECRET: &str = "the host's own";
const KIB: u64 = 1024;

/// A directory of the host with the folders of instances in it, and what is none of theirs beside them.
struct Place {
    root: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("secret.txt"), SECRET).unwrap();
        Self { root }
    }

    fn folder(&self, name: &str) -> std::path::PathBuf {
        self.root.path().join(name)
    }

    /// An instance of `class` with the folder `name`.
    async fn run(&self, class: &str, name: &str, grant: &str) -> Result<Instance, HostError> {
        let prepared = TestHost::grant(grant).worker(PROBE_DATA).await?;
        let spec = Spec {
            folder: Folder::at(self.folder(name)),
            ..spec(class, json!({}))
        };
        Instance::start(&prepared, spec).await
    }
}

const GRANT: &str = "[data]\nquota = \"64 KiB\"\n";

fn write(name: &str, bytes: i64) -> [(&'static str, Value); 2] {
    [
        ("name", Value::Text(name.to_owned())),
        ("bytes", Value::Integer(bytes)),
    ]
}

fn path(path: &str) -> [(&'static str, Value); 1] {
    [("path", Value::Text(path.to_owned()))]
}

#[tokio::test]
async fn what_an_instance_keeps_is_there_for_the_next_one_and_for_no_other() {
    let place = Place::new();
    for class in ["data", "data2"] {
        for count in 1..=2 {
            let one = place.run(class, class, GRANT).await.unwrap();
            assert_eq!(call_int(&one, "bump", []).await.unwrap(), count, "{class}");
            one.stop().await;
        }
    }
    let other = place.run("data", "other", GRANT).await.unwrap();
    assert_eq!(call_int(&other, "count", []).await.unwrap(), 0);
}

/// A trap starts another instance behind the same handle.
#[tokio::test]
async fn without_a_worker_it_is_there_as_long_as_the_instance() {
    let data = TestHost::grant(GRANT).run(PROBE_DATA, "data").await;
    assert_eq!(call_int(&data, "bump", []).await.unwrap(), 1);
    let mut events = data.events();
    data.restart();
    for wanted in [State::Starting, State::Running] {
        wait_for(&mut events, |event| match event {
            Event::State(state) if *state == wanted => Some(()),
            _ => None,
        })
        .await;
    }
    assert_eq!(call_int(&data, "bump", []).await.unwrap(), 2);
    let other = TestHost::grant(GRANT).run(PROBE_DATA, "data").await;
    assert_eq!(call_int(&other, "bump", []).await.unwrap(), 1);
}

#[tokio::test]
async fn its_quota_counts_bytes_and_names_and_what_was_there() {
    let place = Place::new();
    for class in ["data", "data2"] {
        let data = place.run(class, class, GRANT).await.unwrap();
        call(&data, "write", write("fits", 50_000)).await.unwrap();
        call(&data, "write", write("more", 50_000))
            .await
            .unwrap_err();
        data.stop().await;
        let again = place.run(class, class, GRANT).await.unwrap();
        call(&again, "write", write("more", 50_000))
            .await
            .unwrap_err();
        let kept: u64 = std::fs::read_dir(place.folder(class))
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum();
        assert!(kept <= 64 * KIB, "{class}: {kept}");
    }
    let few = "[data]\nquota = \"1 MiB\"\nmax-files = 3\n";
    let few = place.run("data", "few", few).await.unwrap();
    let most = [("most", Value::Integer(10))];
    let said = call_text(&few, "litter", most).await.unwrap();
    assert!(said.starts_with("3: "), "{said}");
}

/// What was made under a larger quota is kept, and no more is added.
#[tokio::test]
async fn more_than_the_quota_allows_now_does_not_keep_it_from_starting() {
    let place = Place::new();
    std::fs::create_dir(place.folder("full")).unwrap();
    for n in 0..100 {
        std::fs::write(place.folder("full").join(n.to_string()), "x").unwrap();
    }
    let data = place.run("data", "full", GRANT).await.unwrap();
    let read = call_text(&data, "read", path("/data/7")).await.unwrap();
    assert_eq!(read, "x");
    call(&data, "write", write("new", 1)).await.unwrap_err();
    call_int(&data, "bump", []).await.unwrap_err();
}

#[tokio::test]
async fn there_is_no_way_out_of_it() {
    let place = Place::new();
    for class in ["data", "data2"] {
        let folder = place.folder(class);
        std::fs::create_dir(&folder).unwrap();
        // As it may be after a copy by hand: the host makes none.
        symlink("../secret.txt", folder.join("relative")).unwrap();
        symlink(place.folder("secret.txt"), folder.join("absolute")).unwrap();
        symlink("..", folder.join("up")).unwrap();
        let data = place.run(class, class, GRANT).await.unwrap();
        for way in [
            "/data/../secret.txt",
            "/data/relative",
            "/data/absolute",
            "/data/up/secret.txt",
            "/data/up/../secret.txt",
            "/secret.txt",
            "/etc/passwd",
        ] {
            let error = call_text(&data, "read", path(way)).await.unwrap_err();
            assert!(!error.to_string().contains(SECRET), "{class} {way}");
        }
        for name in ["../mine", "up/mine", "relative", "absolute"] {
            // Writing aside is for whoever looks at it meanwhile; neither way leads out.
            let _ = call(&data, "write", write(name, 3)).await;
        }
        assert!(!place.folder("mine").exists(), "{class}");
        assert!(!place.folder("mine.new").exists(), "{class}");
        let secret = std::fs::read_to_string(place.folder("secret.txt")).unwrap();
        assert_eq!(secret, SECRET, "{class}");
    }
}

#[tokio::test]
async fn a_folder_that_was_taken_away_is_no_way_to_start() {
    let place = Place::new();
    let prepared = TestHost::grant(GRANT).worker(PROBE_DATA).await.unwrap();
    let folder = Folder::at(place.folder("gone"));
    folder.set_aside(&place.folder("aside")).unwrap();
    let spec = Spec {
        folder,
        ..spec("data", json!({}))
    };
    let error = Instance::start(&prepared, spec).await.unwrap_err();
    assert!(error.to_string().contains("own folder"), "{error}");
    assert!(!place.folder("gone").exists());
}
