//! A secret is in no export, view, event, log line or error, at whatever depth: all bytes are
//! searched. Saves keep it, and so does the form that edits it.

use external_worker_artifacts::PROBE_HOST;
use external_worker_host::server::full;
use external_worker_host::worker::import::import;
use external_worker_tests::logged::Logged;
use serde_json::json;

use super::{Site, notice};
use crate::validate::puppet::scripted;

const SECRETS: [&str; 3] = ["t0ps3cr3t-token", "t0ps3cr3t-nested", "t0ps3cr3t-wrong"];

/// Set in the process that listens to its log.
const ALONE: &str = "EWH_LISTEN";

/// In a process of its own, because the log is that of the whole process.
#[test]
fn no_secret_leaves() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "worker::secrets::in_a_process_of_its_own"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("1 passed"), "{printed}");
}

#[tokio::test]
async fn in_a_process_of_its_own() {
    if std::env::var_os(ALONE).is_none() {
        return;
    }
    let logged = Logged::listen();
    let mut seen: Vec<(&str, String)> = Vec::new();
    let site = Site::with(&[("probe", PROBE_HOST)]).await;
    let worker = &site.worker;
    let mut events = worker.subscribe();
    let servers = json!([{ "host": "a.example", "password": SECRETS[1] }]);
    let config = json!({ "token": SECRETS[0], "servers": servers });
    let uuid = site.add("probe", "probe", config).await;
    site.node("probe", &uuid, "applied");

    for wrong in [
        json!({ "number": SECRETS[2] }),
        json!({ "token": [SECRETS[2]] }),
        json!({ "servers": [{ "host": 1, "password": [SECRETS[2]] }] }),
        json!({ "servers": SECRETS[2] }),
        json!({ SECRETS[2]: 1, "number": 13 }),
    ] {
        let refused = worker.update_instance(&uuid, "probe", None, Some(wrong.clone()));
        // A property that the schema does not know may be taken; then it must not leave either.
        if let Err(error) = refused.await {
            seen.push(("an error", format!("{error} {error:?} {}", error.public())));
        }
    }
    let rename = worker.update_instance(&uuid, "probe", Some("x"), Some(json!({ "number": 4 })));
    rename.await.unwrap();
    for (what, json) in [
        ("get_worker_dependencies", json!(worker.modules())),
        ("get_save_state", json!(worker.shared_state())),
        ("get_config", json!(worker.view())),
        ("get_nodes", json!(worker.nodespace().nodes(true))),
    ] {
        seen.push((what, json.to_string()));
    }
    seen.push(("full_state", full::state(worker)));
    seen.push(("get_library", worker.nodespace().library_text()));
    let exported = import(worker.export(true).await.unwrap()).unwrap();
    seen.push(("an export's config", exported.config.to_string()));
    let state = exported.state.to_json().to_string();
    assert!(state.contains("a.example"), "{state}");
    seen.push(("an export's state", state));
    worker.restart_instance(&uuid, "probe").await.unwrap();
    while let Ok(event) = events.try_recv() {
        seen.push(("an event", format!("{event:?}")));
    }
    assert!(seen.iter().any(|(what, _)| *what == "an event"));
    let log = String::from_utf8_lossy(&logged.bytes()).into_owned();
    assert!(!log.is_empty());
    seen.push(("the log", log));
    for (what, text) in &seen {
        for secret in SECRETS {
            let at = text.find(secret);
            assert!(
                at.is_none(),
                "{what} has {secret}: {}",
                around(text, at.unwrap())
            );
        }
    }

    let form = json!(worker.form(&uuid, "probe").unwrap());
    assert_eq!(form["formData"]["servers"][0]["password"], SECRETS[1]);
    worker.saved().await.unwrap();
    let saved = ["state.db", "state.db-wal"]
        .map(|file| std::fs::read(site.dir.path().join(file)).unwrap_or_default())
        .concat();
    assert!(String::from_utf8_lossy(&saved).contains(SECRETS[0]));
}

/// The code of a class whose configuration has these properties, of which `required` has no default.
fn version(properties: serde_json::Value, required: &[&str]) -> Vec<u8> {
    let schema = json!({"type": "object", "properties": properties, "required": required});
    scripted(&json!({"classes": [{"id": "puppet", "schema": schema, "methods": []}]}))
}

/// An old secret under a name that nobody knows any more, at a place that is something else now.
#[tokio::test]
async fn a_secret_that_the_new_version_calls_otherwise_is_told_to_nobody() {
    let secret = |name: &str| (name.to_owned(), json!({"type": "string", "export": false}));
    let old: serde_json::Map<_, _> = ["token", "auth", "plain"].map(secret).into_iter().collect();
    let mut new: serde_json::Map<_, _> = [secret("api_token")].into_iter().collect();
    new.insert("plain".to_owned(), json!({"type": "string"}));
    new.insert(
        "auth".to_owned(),
        json!({"type": "object", "properties": {"user": {}}}),
    );
    new.insert("must".to_owned(), json!({"type": "string"}));

    let mut site = Site::with(&[]).await;
    let mut events = site.worker.subscribe();
    site.put("up", &version(old.into(), &[]));
    notice(&mut events, "`up`").await;
    let values = ["t0ps3cr3t-1", "t0ps3cr3t-2", "t0ps3cr3t-3"];
    let config = json!({"token": values[0], "auth": values[1], "plain": values[2]});
    let uuid = site.add("up", "puppet", config).await;
    let mut heard = site.worker.subscribe();
    site.put("up", &version(new.into(), &["must"]));
    notice(&mut events, "the old one goes on").await;
    notice(&mut events, "`up` is changed").await;

    for is_down in [false, true] {
        let worker = &site.worker;
        assert_eq!(site.seen(&uuid).unwrap()["running"], !is_down);
        let exported = import(worker.export(true).await.unwrap()).unwrap();
        let mut seen = vec![
            json!(worker.modules()).to_string(),
            full::state(worker),
            json!(worker.shared_state()).to_string(),
            json!(worker.view()).to_string(),
            exported.config.to_string(),
            exported.state.to_json().to_string(),
        ];
        while let Ok(event) = heard.try_recv() {
            seen.push(format!("{event:?}"));
        }
        // What is called public now was set as a secret; it is one as long as the old code runs.
        let hidden = if is_down { &values[..2] } else { &values[..] };
        for secret in hidden {
            let told = seen.iter().find(|text| text.contains(secret));
            assert!(told.is_none(), "{secret} in {}", told.unwrap());
        }
        if !is_down {
            site.reopen_in_place().await;
            heard = site.worker.subscribe();
        }
    }
    let form = json!(site.worker.form(&uuid, "puppet").unwrap());
    assert!(!form["formData"].to_string().contains(values[0]), "{form}");
}

fn around(text: &str, at: usize) -> String {
    text.chars()
        .skip(at.saturating_sub(100))
        .take(200)
        .collect()
}
