//! Modules come, change and go while the Worker runs.

use external_worker_artifacts::{CACHE, PROBE_HOST, THERMOMETER};

use super::{Site, nothing, notice};

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
