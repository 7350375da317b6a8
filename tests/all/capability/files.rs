//! Directories.

use std::os::unix::fs::symlink;
use std::path::Path;

use external_worker_artifacts::PROBE_FILES;
use external_worker_host::bindings::types::Value;
use external_worker_host::instance::Instance;
use external_worker_tests::{TestHost, call, call_int, call_text};
use serde_json::json;

const SECRET: &str = "the host's own";

/// A granted folder beside what is not granted, with every way out of it prepared.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("granted");
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(inside.join("hello.txt"), "hello").unwrap();
        std::fs::write(dir.path().join("secret.txt"), SECRET).unwrap();
        symlink(dir.path().join("secret.txt"), inside.join("absolute")).unwrap();
        symlink("../secret.txt", inside.join("relative")).unwrap();
        symlink("..", inside.join("up")).unwrap();
        symlink("/proc/self/environ", inside.join("proc")).unwrap();
        Self { dir }
    }

    fn inside(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join("granted").join(name)
    }

    fn policy(&self, mode: &str, more: &str) -> String {
        let host = self.dir.path().join("granted");
        let host = host.display();
        format!("[[files]]\nhost = \"{host}\"\nguest = \"/data\"\nmode = \"{mode}\"\n{more}")
    }

    async fn run(&self, class: &str, mode: &str, more: &str) -> Instance {
        let host = TestHost::grant(&self.policy(mode, more));
        host.start(PROBE_FILES, class, json!({})).await.unwrap()
    }
}

fn path(path: &str) -> [(&'static str, Value); 1] {
    [("path", Value::Text(path.to_owned()))]
}

fn write(path: &str, bytes: i64) -> [(&'static str, Value); 2] {
    [
        ("path", Value::Text(path.to_owned())),
        ("bytes", Value::Integer(bytes)),
    ]
}

#[tokio::test]
async fn what_is_granted_is_read_and_written() {
    let place = Place::new();
    for class in ["files", "files2"] {
        let files = place.run(class, "rw", "").await;
        assert_eq!(
            call_text(&files, "read", path("/data/hello.txt"))
                .await
                .unwrap(),
            "hello"
        );
        call(&files, "write", write("/data/new.txt", 10))
            .await
            .unwrap();
        assert_eq!(
            std::fs::read(place.inside("new.txt")).unwrap().len(),
            10,
            "{class}"
        );
    }
    let files = place.run("files", "rw", "").await;
    call(&files, "append", write("/data/new.txt", 5))
        .await
        .unwrap();
    assert_eq!(std::fs::read(place.inside("new.txt")).unwrap().len(), 15);
    call(&files, "remove", path("/data/new.txt")).await.unwrap();
    assert!(!place.inside("new.txt").exists());
}

#[tokio::test]
async fn there_is_no_way_out_of_the_folder() {
    let place = Place::new();
    let ways = [
        "/data/../secret.txt",
        "/data/absolute",
        "/data/relative",
        "/data/up/secret.txt",
        "/data/up/../secret.txt",
        "/data/proc",
        "/data/./up/granted/../secret.txt",
        "/data/relative/",
        "/etc/passwd",
        "/secret.txt",
        "../secret.txt",
        "/data//../secret.txt",
    ];
    for class in ["files", "files2"] {
        let files = place.run(class, "rw", "").await;
        for way in ways {
            let error = call_text(&files, "read", path(way))
                .await
                .unwrap_err()
                .to_string();
            assert!(!error.contains(SECRET), "{class} {way}: {error}");
            let here = place.dir.path().to_string_lossy().into_owned();
            assert!(
                !error.contains(&here),
                "{class} {way} tells of the host: {error}"
            );
            call(&files, "write", write(way, 3)).await.unwrap_err();
        }
        assert_eq!(
            std::fs::read_to_string(place.dir.path().join("secret.txt")).unwrap(),
            SECRET
        );
    }
    let files = place.run("files", "rw", "").await;
    let out = [
        ("from", Value::Text("/data/hello.txt".into())),
        ("to", Value::Text("/data/../stolen.txt".into())),
    ];
    call(&files, "rename", out).await.unwrap_err();
    assert!(!Path::new(place.dir.path()).join("stolen.txt").exists());
}

#[tokio::test]
async fn read_only_is_read_only() {
    let place = Place::new();
    let files = place.run("files", "ro", "").await;
    assert_eq!(
        call_text(&files, "read", path("/data/hello.txt"))
            .await
            .unwrap(),
        "hello"
    );
    call(&files, "write", write("/data/hello.txt", 1))
        .await
        .unwrap_err();
    call(&files, "append", write("/data/hello.txt", 1))
        .await
        .unwrap_err();
    call(&files, "remove", path("/data/hello.txt"))
        .await
        .unwrap_err();
    let files2 = place.run("files2", "ro", "").await;
    call(&files2, "truncate", path("/data/hello.txt"))
        .await
        .unwrap_err();
    call(&files2, "stretch", write("/data/hello.txt", 100))
        .await
        .unwrap_err();
    let link = [
        ("from", Value::Text("/data/hello.txt".into())),
        ("to", Value::Text("/data/again.txt".into())),
    ];
    call(&files2, "link", link).await.unwrap_err();
    assert_eq!(
        std::fs::read_to_string(place.inside("hello.txt")).unwrap(),
        "hello"
    );
    assert!(!place.inside("again.txt").exists());
}

#[tokio::test]
async fn the_quota_holds_whatever_way_a_file_grows() {
    const QUOTA: u64 = 64 * 1024;
    let place = Place::new();
    let used = || {
        let entries = std::fs::read_dir(place.dir.path().join("granted")).unwrap();
        entries
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum::<u64>()
    };
    let quota = "quota = \"64 KiB\"\n";
    let files = place.run("files", "rw", quota).await;
    call(&files, "write", write("/data/a", 20_000))
        .await
        .unwrap();
    call(&files, "write", write("/data/b", 1_000_000))
        .await
        .unwrap_err();
    assert!(used() <= QUOTA, "{}", used());
    call(&files, "append", write("/data/a", 1_000_000))
        .await
        .unwrap_err();
    assert!(used() <= QUOTA, "{}", used());
    let litter = [
        ("dir", Value::Text("/data".into())),
        ("most", Value::Integer(10_000)),
    ];
    let litter = call_text(&files, "litter", litter).await.unwrap();
    assert!(!litter.contains("no end"), "{litter}");
    drop(files);
    let files2 = place.run("files2", "rw", quota).await;
    call(&files2, "stretch", write("/data/c", 10_000_000))
        .await
        .unwrap_err();
    assert!(used() <= QUOTA, "{}", used());
}

#[tokio::test]
async fn names_are_counted_whatever_way_they_come() {
    let place = Place::new();
    let names = || {
        std::fs::read_dir(place.inside("hello.txt").parent().unwrap())
            .unwrap()
            .count()
    };
    let there = names();
    let files = place.run("files", "rw", "max-files = 12\n").await;
    let litter = [
        ("dir", Value::Text("/data".into())),
        ("most", Value::Integer(10_000)),
    ];
    let litter = call_text(&files, "litter", litter).await.unwrap();
    let left = 12 - there;
    assert!(litter.starts_with(&format!("{left}: ")), "{litter}");
    assert_eq!(names(), 12);
    let files2 = place.run("files2", "rw", "max-files = 12\n").await;
    let link = [
        ("from", Value::Text("/data/hello.txt".into())),
        ("to", Value::Text("/data/again.txt".into())),
    ];
    call(&files2, "link", link).await.unwrap_err();
    let more = || write("/data/more", 1);
    call(&files2, "write", more()).await.unwrap_err();
    // What is there is still read and written, and a name that goes makes room for one.
    call(&files2, "write", write("/data/litter-0", 9))
        .await
        .unwrap();
    call(&files, "remove", path("/data/litter-0"))
        .await
        .unwrap();
    // Debian's C library knows no links by their paths: those that may be made are in the host's own tests.
    call(&files2, "write", more()).await.unwrap();
    assert_eq!(names(), 12);
}

#[tokio::test]
async fn open_files_are_counted_and_closed_with_the_instance() {
    let place = Place::new();
    let files = place.run("files2", "ro", "[budget]\nhandles = 40\n").await;
    let hoard = [
        ("path", Value::Text("/data/hello.txt".into())),
        ("most", Value::Integer(1000)),
    ];
    let kept = call_int(&files, "hoard", hoard.clone()).await.unwrap();
    assert!((10..=40).contains(&kept), "{kept}");
    call(&files, "let_go", []).await.unwrap();
    assert_eq!(
        call_int(&files, "hoard", hoard).await.unwrap(),
        kept,
        "closed ones count no more"
    );
}

#[tokio::test]
async fn a_name_that_is_no_text_hides_no_other() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    let odd = std::ffi::OsStr::from_bytes(b"\xdcbersicht.csv");
    std::fs::write(place.inside("hello.txt").with_file_name(odd), "odd").unwrap();
    let policy = place.policy("ro", "");
    for class in ["files", "files2"] {
        let host = TestHost::grant(&policy);
        let files = host.start(PROBE_FILES, class, json!({})).await.unwrap();
        let listed = call(&files, "list", path("/data")).await.unwrap();
        let listed = format!("{listed:?}");
        for name in ["hello.txt", "absolute", "relative", "up", "proc"] {
            assert!(listed.contains(name), "{class}: {listed}");
        }
        assert!(!listed.contains("bersicht"), "{class}: {listed}");
    }
}
