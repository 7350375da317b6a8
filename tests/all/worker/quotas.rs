//! Quotas of a Worker: what is new is refused where there is no room for it, and what is there goes on.

use external_worker_artifacts::PROBE_HOST;
use external_worker_host::worker::files::UploadError;
use external_worker_host::worker::{NewInstance, OverQuota, Quotas, Worker, WorkerError};
use external_worker_tests::PATIENCE;
use serde_json::json;

use super::{open_within, put, until};

/// A Worker with the probe, within `quotas`.
async fn open(dir: &tempfile::TempDir, quotas: Quotas) -> Worker {
    put(dir.path(), "probe", &std::fs::read(PROBE_HOST).unwrap());
    let worker = open_within(dir.path(), quotas).await;
    worker.started().await;
    worker
}

fn instances(most: u32) -> Quotas {
    Quotas {
        instances: Some(most),
        ..Quotas::default()
    }
}

/// The uuid of a new external worker, or why there is none.
async fn add(worker: &Worker) -> Result<String, WorkerError> {
    let new = NewInstance {
        config: Some(json!({ "turn_ms": 3_600_000 })),
        ..NewInstance::default()
    };
    let added = worker.add_instance("probe", "probe", new).await?;
    Ok(added.uuid)
}

/// The uuids of those that run.
fn running(worker: &Worker) -> Vec<String> {
    let usage = worker.usage().into_iter();
    let running = usage.filter(|it| it.state == "running");
    running.map(|it| it.uuid).collect()
}

#[tokio::test]
async fn there_are_no_more_external_workers_than_may_be_and_one_that_goes_makes_room() {
    let dir = tempfile::tempdir().unwrap();
    let worker = open(&dir, instances(1)).await;
    let first = add(&worker).await.unwrap();
    let refused = add(&worker).await.unwrap_err();
    assert!(matches!(
        refused,
        WorkerError::OverQuota(OverQuota::Instances(1))
    ));
    worker.remove_instance(&first, "probe").await.unwrap();
    add(&worker).await.unwrap();
}

#[tokio::test]
async fn a_quota_that_was_made_smaller_stops_what_is_too_much_and_takes_nothing_away() {
    let dir = tempfile::tempdir().unwrap();
    let worker = open(&dir, Quotas::default()).await;
    let mut both = vec![add(&worker).await.unwrap(), add(&worker).await.unwrap()];
    both.sort();
    worker.close(PATIENCE).await.unwrap();
    let worker = open(&dir, instances(1)).await;
    assert_eq!(running(&worker).len(), 1);
    assert_eq!(worker.usage().len(), 2);
    let runs = running(&worker).remove(0);
    let waits = both.into_iter().find(|uuid| *uuid != runs).unwrap();
    let refused = worker.restart_instance(&waits, "probe").await;
    assert!(matches!(
        refused,
        Err(WorkerError::OverQuota(OverQuota::Instances(1)))
    ));
    // One that runs may be started again.
    worker.restart_instance(&runs, "probe").await.unwrap();
    worker.remove_instance(&runs, "probe").await.unwrap();
    worker.restart_instance(&waits, "probe").await.unwrap();
    assert_eq!(running(&worker), [waits]);
}

#[tokio::test]
async fn a_disk_that_is_full_takes_no_upload_and_no_external_worker() {
    let dir = tempfile::tempdir().unwrap();
    let worker = open(&dir, Quotas::default()).await;
    let there = add(&worker).await.unwrap();
    worker.close(PATIENCE).await.unwrap();
    // The store alone takes more.
    let quotas = Quotas {
        disk: Some(1),
        ..Quotas::default()
    };
    let worker = open(&dir, quotas).await;
    let is_full = |put| matches!(put, Err(UploadError::OverQuota(OverQuota::Disk(1))));
    assert!(is_full(worker.files().put("a", b"too much")));
    until(|| is_full(worker.files().put("b", b""))).await;
    let refused = add(&worker).await.unwrap_err();
    assert!(matches!(
        refused,
        WorkerError::OverQuota(OverQuota::Disk(1))
    ));
    assert_eq!(running(&worker), [there]);
}
