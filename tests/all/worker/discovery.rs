//! Modules come, change and go while the Worker runs.

use std::fs;
use std::path::Path;

use external_worker_artifacts::{CACHE, PROBE_HOST, PROBE_UPGRADE, THERMOMETER};
use external_worker_host::worker::WorkerEvent;

use super::swap::version;
use super::{Site, file, nothing, notice};

#[tokio::test]
async fn a_new_file_is_a_module_and_a_broken_one_hides_no_other() {
    let site = Site::with(&[]).await;
    let mut events = site.worker.subscribe();
    site.put("a_broken", b"\0asm\x0d\0\x01\0 and no more");
    site.put("sub/cache", &std::fs::read(CACHE).unwrap());
    let line = notice(&mut events, "`a_broken` cannot be used").await;
    assert!(!line.contains(site.dir.path().to_str().unwrap()), "{line}");
    if !site.has_module("sub/cache") {
        notice(&mut events, "`sub/cache` is new").await;
    }
    site.add("sub/cache", "cache", nothing()).await;
    let why = site
        .worker
        .add_instance("a_broken", "x", Default::default());
    let why = why.await.unwrap_err().public();
    assert!(why.starts_with("Worker x not found in a_broken: "), "{why}");

    let mut events = site.worker.subscribe();
    site.put("a_broken", &std::fs::read(PROBE_HOST).unwrap());
    notice(&mut events, "`a_broken` is changed").await;
    site.add("a_broken", "probe", nothing()).await;
}

#[tokio::test]
async fn a_missing_grant_is_reported_and_a_policy_of_its_own_helps() {
    let site = Site::with(&[("thermo", THERMOMETER)]).await;
    assert!(!site.has_module("thermo"));
    let why = site
        .worker
        .add_instance("thermo", "thermometer", Default::default());
    let why = why.await.unwrap_err().public();
    assert!(why.contains("serial"), "{why}");
    let mut events = site.worker.subscribe();
    let policy = "[[serial]]\nname = \"bench\"\ndevice = \"/dev/ttyS9\"\nbaud-rates = [9600]\n";
    let policies = site.dir.path().join("policies");
    std::fs::write(policies.join("thermo.toml"), policy).unwrap();
    notice(&mut events, "`thermo` is ").await;
    assert!(site.has_module("thermo"));
}

#[tokio::test]
async fn a_class_belongs_to_one_module() {
    let site = Site::with(&[("one", CACHE)]).await;
    let mut events = site.worker.subscribe();
    site.put("two", &std::fs::read(CACHE).unwrap());
    let line = notice(&mut events, "`two` cannot be used").await;
    assert!(line.contains("`cache`") && line.contains("`one`"), "{line}");
}

#[tokio::test]
async fn a_removed_file_ends_no_external_worker() {
    let site = Site::with(&[("probe", PROBE_HOST)]).await;
    let uuid = site.add("probe", "probe", nothing()).await;
    let applied = site.node("probe", &uuid, "applied");
    let mut events = site.worker.subscribe();
    site.remove("probe");
    notice(&mut events, "`probe` is gone").await;
    assert!(!site.has_module("probe"));
    assert_eq!(site.run(&applied).await, 1);
    let added = site
        .worker
        .add_instance("probe", "probe", Default::default());
    added.await.unwrap_err();
}

/// Writes other code with the size and the time of that at `like`, as `cp -p` and `rsync -t` do.
fn write_like(path: &Path, bytes: &[u8], like: &Path) {
    let metadata = fs::metadata(like).unwrap();
    fs::write(path, bytes).unwrap();
    let times = fs::FileTimes::new().set_modified(metadata.modified().unwrap());
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_times(times).unwrap();
    assert_eq!(fs::metadata(path).unwrap().len(), metadata.len());
}

#[tokio::test]
async fn new_code_is_taken_in_whatever_its_size_and_time_and_old_code_is_not() {
    let site = Site::with(&[("up", PROBE_UPGRADE)]).await;
    let mut events = site.worker.subscribe();
    site.put("up", &version(0));
    notice(&mut events, "`up` is changed").await;
    let (place, aside) = (file(site.dir.path(), "up"), site.dir.path().join("aside"));
    // In place.
    write_like(&place, &version(1), &place);
    notice(&mut events, "`up` is changed").await;
    // Written aside and moved.
    write_like(&aside, &version(2), &place);
    fs::rename(&aside, &place).unwrap();
    notice(&mut events, "`up` is changed").await;
    // Links that are switched, from one release to the next.
    for release in [3, 4] {
        let of_release = site.dir.path().join(release.to_string());
        write_like(&of_release, &version(release), &place);
        std::os::unix::fs::symlink(&of_release, &aside).unwrap();
        fs::rename(&aside, &place).unwrap();
        notice(&mut events, "`up` is changed").await;
    }
    // The same code at another time and place is the same code.
    fs::copy(site.dir.path().join("4"), &aside).unwrap();
    fs::rename(&aside, &place).unwrap();
    site.put("cache", &fs::read(CACHE).unwrap());
    let mut seen = Vec::new();
    while let Ok(event) = events.recv().await {
        if let WorkerEvent::Progress { message, .. } = &*event {
            seen.push(message.clone());
            if message.contains("`cache` is new") {
                break;
            }
        }
    }
    assert!(!seen.iter().any(|line| line.contains("`up`")), "{seen:?}");
}
