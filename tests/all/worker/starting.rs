//! A Worker serves while its external workers start: what is asked for meanwhile is answered or waits, and
//! one that takes long makes no other wait.

use external_worker_artifacts::{CACHE, PROBE_HOST};
use external_worker_host::server::full;
use external_worker_host::worker::Worker;
use external_worker_tests::PATIENCE;
use futures_util::FutureExt;
use futures_util::future::join_all;
use serde_json::json;

use super::{Site, nothing, notice, open_at_once, until};

/// Three times as many as start at once.
const STARTERS: usize = 48;

/// A Worker in which so many wait in their `start`, and the uuids of these.
async fn with_starters(quick: &[(&str, &str)]) -> (Site, Vec<String>) {
    let modules = [&[("probe", PROBE_HOST)][..], quick].concat();
    let site = Site::with(&modules).await;
    let add = || site.add("probe", "probe", json!({ "turn_ms": 3_600_000 }));
    let uuids = join_all((0..STARTERS).map(|_| add())).await;
    for uuid in &uuids {
        let slow = Some(json!({ "slow_start": true }));
        let update = site.worker.update_instance(uuid, "probe", None, slow);
        update.await.unwrap();
    }
    (site, uuids)
}

async fn again(site: &mut Site) {
    site.worker.close(PATIENCE).await.unwrap();
    site.worker = open_at_once(site.dir.path()).await;
}

fn are_starting(worker: &Worker) -> bool {
    worker.started().now_or_never().is_none()
}

#[tokio::test]
async fn those_that_take_long_to_start_delay_nobody() {
    let (mut site, uuids) = with_starters(&[("cache", CACHE)]).await;
    let cache = site.add("cache", "cache", nothing()).await;
    let stats = site.node("cache", &cache, "stats");
    let applied = site.node("probe", &uuids[0], "applied");
    again(&mut site).await;
    assert!(full::state(&site.worker).contains(&stats));
    assert!(are_starting(&site.worker));
    // A quick one starts beside them, and is new on this machine as they are.
    let graph = site.worker.nodespace();
    until(|| graph.trigger(&stats).is_ok()).await;
    graph.node_idle(&stats).await;
    assert_eq!(graph.preview(&stats, "entries").unwrap(), 0);
    // Somebody who comes now does not stand behind them either.
    site.add("probe", "probe", nothing()).await;
    // Their nodes are there; what is asked of them waits.
    graph.trigger(&applied).unwrap();
    assert!(graph.node_idle(&applied).now_or_never().is_none());
    assert!(are_starting(&site.worker));
}

#[tokio::test]
async fn what_is_asked_of_one_that_starts_gets_a_sensible_answer() {
    let (mut site, uuids) = with_starters(&[]).await;
    again(&mut site).await;
    site.worker.loaded().await;
    let worker = site.worker.clone();
    let [one, other, ..] = &uuids[..] else {
        panic!("there are some");
    };
    assert_eq!(site.seen(one).unwrap()["running"], true, "it is about to");
    let form = json!(worker.form(one, "probe").unwrap());
    assert_eq!(form["formData"]["slow_start"], true);
    // What changes nothing in the guest is done; what needs it waits.
    let rename = worker.update_instance(one, "probe", Some("Mine"), None);
    rename.await.unwrap();
    assert_eq!(site.seen(one).unwrap()["name"], "Mine");
    worker.pause_instance(one, "probe").unwrap();
    worker.resume_instance(one, "probe").unwrap();
    let update = worker.update_instance(one, "probe", None, Some(json!({ "number": 3 })));
    assert!(update.now_or_never().is_none());
    // Starting it again is what is under way: it is waited for, not begun twice.
    let mut restart = Box::pin(worker.restart_instance(one, "probe"));
    assert!((&mut restart).now_or_never().is_none());
    // A start that was given up leaves it down, with the reason, and the next one begins afresh.
    worker.remove_instance(other, "probe").await.unwrap();
    assert!(site.seen(other).is_none());
    let gone = worker.restart_instance(other, "probe").await.unwrap_err();
    assert_eq!(gone.public(), format!("Worker {other} not found any more"));
    let mut events = worker.subscribe();
    notice(&mut events, "it does not start: ").await;
    let why = restart.await.unwrap_err().public();
    assert!(why.contains("10000 ms"), "{why}");
}

#[tokio::test]
async fn an_end_does_not_wait_for_those_that_start_and_they_lose_nothing() {
    let (mut site, uuids) = with_starters(&[]).await;
    again(&mut site).await;
    site.worker.loaded().await;
    assert!(are_starting(&site.worker));
    // Each would take ten seconds.
    site.worker.close(PATIENCE).await.unwrap();
    site.worker = open_at_once(site.dir.path()).await;
    site.worker.loaded().await;
    for uuid in &uuids {
        let form = json!(site.worker.form(uuid, "probe").unwrap());
        assert_eq!(form["formData"]["slow_start"], true);
    }
}
