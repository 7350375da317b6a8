//! New code under load: no call is lost, state goes along, and the old version goes on when the new
//! one does not start.

use std::collections::BTreeMap;

use external_worker_artifacts::{PROBE_UPGRADE, PROBE_UPGRADE_BROKEN};
use external_worker_host::nodespace::{GraphEvent, Value};
use external_worker_host::policy::{Capability, Manifest};
use external_worker_host::worker::WorkerEvent;
use external_worker_tests::wait_for;

use super::{Site, nothing, notice};

/// The same code under another version: other bytes, another component.
pub(super) fn version(n: u32) -> Vec<u8> {
    let manifest = Manifest {
        name: "probe-upgrade".to_owned(),
        package_version: n.to_string(),
        requests: BTreeMap::new(),
    };
    manifest
        .write(&std::fs::read(PROBE_UPGRADE).unwrap())
        .unwrap()
}

/// A Worker with one counter, and the node that counts, which ran once.
async fn counted_to_one() -> (Site, String) {
    let site = Site::with(&[("up", PROBE_UPGRADE)]).await;
    let uuid = site.add("up", "upgrade", nothing()).await;
    let bump = site.node("upgrade", &uuid, "bump");
    let graph = site.worker.nodespace();
    graph
        .set_value(&bump, "by", Some(Value::Integer(1)), true)
        .unwrap();
    graph.node_idle(&bump).await;
    (site, bump)
}

#[tokio::test]
async fn under_load_no_call_is_lost_and_the_state_goes_along() {
    let (site, bump) = counted_to_one().await;
    let mut events = site.worker.subscribe();
    let mut errors = site.worker.subscribe();
    let mut calls = 1;
    for n in 1..=3 {
        site.put("up", &version(n));
        let swapped = notice(&mut events, "`up` is changed");
        tokio::pin!(swapped);
        loop {
            tokio::select! {
                biased;
                _ = &mut swapped => break,
                out = site.run(&bump) => {
                    calls += 1;
                    assert_eq!(out, calls, "every call counted once, in order");
                }
            }
        }
        site.worker.nodespace().node_idle(&bump).await;
        // The run that the swap's end interrupted the waiting for may be one more.
        let counted = site.out(&bump).as_i64().unwrap();
        assert!([calls, calls + 1].contains(&counted), "{calls}: {counted}");
        calls = counted;
    }
    assert_eq!(site.run(&bump).await, calls + 1);
    while let Ok(event) = errors.try_recv() {
        if let WorkerEvent::Graph(GraphEvent::NodeError { message, .. }) = &*event {
            panic!("{message}");
        }
    }
}

#[tokio::test]
async fn a_version_that_does_not_start_leaves_the_old_one_running() {
    let (site, bump) = counted_to_one().await;
    let mut events = site.worker.subscribe();
    site.put("up", &std::fs::read(PROBE_UPGRADE_BROKEN).unwrap());
    let line = notice(&mut events, "the old one goes on").await;
    assert!(line.contains("this version does not start"), "{line}");
    notice(&mut events, "`up` is changed").await;
    assert_eq!(site.run(&bump).await, 2, "with its memory");

    site.put("up", &version(7));
    notice(&mut events, "`up` is changed").await;
    assert_eq!(site.run(&bump).await, 3);
}

/// What is held by one alone is let go for the new version; here neither that nor the old one can have all that
/// they need again.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn when_neither_starts_once_room_was_made_it_says_so_and_is_down() {
    let folder = tempfile::tempdir().unwrap();
    let asks_for = |n: u32| {
        let asked = [Capability::Serial, Capability::Files];
        let asked = asked.map(|capability| (capability, "a test".to_owned()));
        let manifest = Manifest {
            name: "probe-upgrade".to_owned(),
            package_version: n.to_string(),
            requests: asked.into(),
        };
        let wasm = std::fs::read(PROBE_UPGRADE).unwrap();
        manifest.write(&wasm).unwrap()
    };
    let policy = format!(
        "[[serial]]\nname = \"line\"\ndevice = \"/dev/nowhere\"\n[[files]]\nhost = {:?}\nguest = \"/data\"\n",
        folder.path()
    );
    let site = Site::with(&[]).await;
    site.allow("up", &policy);
    let mut events = site.worker.subscribe();
    site.put("up", &asks_for(1));
    notice(&mut events, "`up` is new").await;
    let uuid = site.add("up", "upgrade", nothing()).await;
    let bump = site.node("upgrade", &uuid, "bump");
    folder.close().unwrap();
    site.put("up", &asks_for(2));
    let line = notice(&mut events, "nor does the old one again").await;
    assert!(line.contains("files"), "{line}");
    let graph = site.worker.nodespace();
    let by = Some(Value::Integer(1));
    graph.set_value(&bump, "by", by, true).unwrap();
    let why = wait_for(&mut events, |event| match event {
        WorkerEvent::Graph(GraphEvent::NodeError { message, .. }) => Some(message.clone()),
        _ => None,
    });
    let why = why.await;
    assert!(why.contains("files"), "{why}");
}
