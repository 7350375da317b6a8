//! What a worker reads and sets at the inputs of its nodes, in a graph.

use external_worker_artifacts::PROBE_HOST;
use external_worker_host::nodespace::Value;
use serde_json::{Value as Json, json};

use super::{Site, nothing};

/// A Worker with a probe, and a node of its method `drive`.
struct Lab {
    site: Site,
    uuid: String,
    drive: String,
    show: String,
}

impl Lab {
    async fn new() -> Self {
        let site = Site::with(&[("probe", PROBE_HOST)]).await;
        let uuid = site.add("probe", "probe", nothing()).await;
        let [drive, show] = ["drive", "show"].map(|method| site.node("probe", &uuid, method));
        Self {
            site,
            uuid,
            drive,
            show,
        }
    }

    /// What the probe sees after it has shown `rpm`, on the class too or not, triggering or not.
    async fn shows(&self, rpm: f64, class: bool, trigger: bool) -> Json {
        let graph = self.site.worker.nodespace();
        // Triggered by the last of them alone.
        graph.set_value(&self.show, "rpm", None, false).unwrap();
        for (input, value) in [
            ("class", Value::Boolean(class)),
            ("trigger", Value::Boolean(trigger)),
            ("rpm", Value::Number(rpm)),
        ] {
            graph
                .set_value(&self.show, input, Some(value), false)
                .unwrap();
        }
        graph.node_idle(&self.show).await;
        self.site.out(&self.show)
    }

    /// What the probe sees.
    async fn sees(&self) -> Json {
        let seen = self.site.node("probe", &self.uuid, "seen");
        self.site.run(&seen).await
    }

    /// How often the probe has driven until the graph is idle.
    async fn driven(&self, node: &str) -> Json {
        let graph = self.site.worker.nodespace();
        graph.idle().await;
        self.site.out(node)
    }
}

#[tokio::test]
async fn it_reads_what_a_client_set_what_came_along_an_edge_and_what_it_set_itself() {
    let lab = Lab::new().await;
    let graph = lab.site.worker.nodespace();
    assert_eq!(lab.sees().await, json!({ "class": null, "nodes": [null] }));

    let set = Some(Value::Number(3.0));
    graph.set_value(&lab.drive, "rpm", set, false).unwrap();
    graph.node_idle(&lab.drive).await;
    assert_eq!(lab.sees().await, json!({ "class": null, "nodes": [3.0] }));

    let seen = lab.shows(7.0, false, false).await;
    let expected = json!({ "class": null, "nodes": [7.0] });
    assert_eq!(seen, expected, "a moment after it was set");
    graph.idle().await;
    assert_eq!(lab.sees().await, expected);

    let applied = lab.site.node("probe", &lab.uuid, "applied");
    graph
        .add_edge(&applied, "out", &lab.drive, "rpm", false)
        .unwrap();
    assert_eq!(lab.site.run(&applied).await, 1);
    graph.idle().await;
    assert_eq!(lab.sees().await, json!({ "class": null, "nodes": [1.0] }));
}

#[tokio::test]
async fn what_it_sets_triggers_where_it_says_so() {
    let lab = Lab::new().await;
    let graph = lab.site.worker.nodespace();
    let set = Some(Value::Number(3.0));
    graph.set_value(&lab.drive, "rpm", set, false).unwrap();
    assert_eq!(lab.driven(&lab.drive).await, 1);
    lab.shows(4.0, false, false).await;
    assert_eq!(lab.driven(&lab.drive).await, 1);
    lab.shows(5.0, false, true).await;
    assert_eq!(lab.driven(&lab.drive).await, 2);
    lab.shows(5.0, false, true).await;
    let said = "a value that is there already triggers nothing";
    assert_eq!(lab.driven(&lab.drive).await, 2, "{said}");
}

#[tokio::test]
async fn new_nodes_begin_with_what_it_sets_at_the_class() {
    let lab = Lab::new().await;
    let graph = lab.site.worker.nodespace();
    let seen = lab.shows(6.0, true, false).await;
    assert_eq!(seen, json!({ "class": 6.0, "nodes": [6.0] }));
    let quiet = lab.site.node("probe", &lab.uuid, "drive");
    graph.idle().await;
    assert_eq!(graph.preview(&quiet, "rpm").unwrap(), json!(6.0));
    let ran = graph.value(&quiet, "out").unwrap();
    assert!(ran.is_none(), "it begins so, and does not run: {ran:?}");

    lab.shows(8.0, true, true).await;
    graph.idle().await;
    let eager = lab.site.node("probe", &lab.uuid, "drive");
    assert!(lab.driven(&eager).await.as_i64().is_some());
    assert_eq!(graph.preview(&eager, "rpm").unwrap(), json!(8.0));
}
