//! Scripts in a Worker: dropped, edited, kept.

use serde_json::json;

use super::{TEMPLATE, runtime, script, worker};
use crate::worker::{Site, notice};

/// A counter that keeps its count, in a version.
fn counter(version: &str) -> String {
    let methods = format!(
        "\
count = 0
@instance_nodefunction()
def bump(self) -> str:
    self.count += 1
    return f\"{version} {{self.count}} {{self.config.step}}\"

def save(self):
    return {{\"count\": self.count}}

def restore(self, state):
    self.count = state[\"count\"]
"
    );
    let config = "\nclass C(ExternalWorkerConfig):\n    step: int = 1\n";
    let source = worker(&methods).replace("    NODECLASSID", "    config_cls = C\n    NODECLASSID");
    script(&[], &format!("{config}{source}"))
}

#[tokio::test]
async fn the_template_is_a_module_when_it_is_dropped() {
    runtime().await;
    let site = Site::with(&[]).await;
    let mut events = site.worker.subscribe();
    site.put("template.py", TEMPLATE.as_bytes());
    notice(&mut events, "`template` is new").await;
    let uuid = site.add("template", "my_worker", json!({})).await;
    let node = site.node("my_worker", &uuid, "get_status");
    assert_eq!(site.run(&node).await, "ok");
    let site = site.reopen().await;
    assert_eq!(site.run(&node).await, "ok", "there again");
}

#[tokio::test]
async fn an_edit_goes_on_with_the_configuration_and_the_state() {
    runtime().await;
    let site = Site::with(&[]).await;
    let mut events = site.worker.subscribe();
    site.put("w.py", counter("one").as_bytes());
    notice(&mut events, "`w` is new").await;
    let uuid = site.add("w", "w", json!({ "step": 7 })).await;
    let node = site.node("w", &uuid, "bump");
    assert_eq!(site.run(&node).await, "one 1 7");

    site.put("w.py", counter("two").as_bytes());
    notice(&mut events, "`w` is changed").await;
    assert_eq!(site.run(&node).await, "two 2 7");

    site.put("w.py", b"import nothing_of_the_kind\n");
    let line = notice(&mut events, "cannot be used").await;
    assert!(line.contains("(w.py, line 1)"), "{line}");
    assert_eq!(site.run(&node).await, "two 3 7", "the old one goes on");

    site.put("w.py", counter("three").as_bytes());
    notice(&mut events, "`w` is changed").await;
    assert_eq!(site.run(&node).await, "three 4 7");
}

#[tokio::test]
async fn two_files_of_one_name_are_named_and_the_first_counts() {
    runtime().await;
    let site = Site::with(&[]).await;
    let mut events = site.worker.subscribe();
    site.put("w.py", counter("script").as_bytes());
    notice(&mut events, "`w` is new").await;
    site.put("w.wasm", b"\0asm");
    notice(&mut events, "two files are the module `w`").await;
    assert!(site.has_module("w"));
}
