//! Attacks by handles: floods of every kind, and handles that are not what they seem.

use crate::network::reach;
use crate::scene::{Scene, attack, no_target, not_started, said};
use crate::table::{Row, row};

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        row("handles/block_in_sync", "?", Scene::shelves),
        row("handles/cancel_twice", "?", no_target),
        row("handles/double_drop", "?", no_target),
        row("handles/drop_as_another", "?", no_target),
        row("handles/drop_running_subtask", "?", no_target),
        row("handles/flood_classes", "?", no_target),
        row("handles/flood_fields_p2", "?", |scene| reach(scene.folder("rw")).call("")),
        row("handles/flood_files_p2", "?", |scene| reach(scene.folder("rw")).call("")),
        row("handles/flood_files_p3", "?", |scene| reach(scene.folder("rw")).call("")),
        row("handles/flood_folders_p2", "?", |scene| reach(scene.folder("rw")).call("")),
        row("handles/flood_nodes", "?", fifty_nodes),
        row("handles/flood_pollables_p2", "?", |scene| reach(scene.folder("rw")).call("")),
        row("handles/flood_raw", "?", no_target),
        row("handles/flood_requests_p2", "?", |scene| reach(scene.folder("rw")).call("")),
        row("handles/flood_streams", "?", no_target),
        row("handles/flood_streams_p2", "?", |scene| reach(scene.folder("rw")).call("")),
        row("handles/flood_subtasks", "?", no_target),
        row("handles/flood_tcp_p2", "?", |scene| reach(scene.folder("rw")).call("")),
        row("handles/flood_tcp_p3", "?", |scene| reach(scene.folder("rw")).call("")),
        row("handles/flood_udp_p2", "?", |scene| reach(scene.folder("rw")).call("")),
        row("handles/flood_udp_p3", "?", |scene| reach(scene.folder("rw")).call("")),
        row("handles/flood_waitable_sets", "?", no_target),
        row("handles/forged", "?", no_target),
        row("handles/forged_negative", "?", no_target),
        row("handles/forged_zero", "?", no_target),
        row("handles/removed_node", "?", removed_node),
        row("handles/subtask_as_resource", "?", no_target),
        row("handles/use_after_drop", "?", no_target),
        row("handles/wrong_type", "?", no_target),
    ]
}

/// An attacker with fifty nodes.
async fn fifty_nodes(scene: Scene) -> String {
    let instance = match scene.start().await {
        Ok(instance) => instance,
        Err(error) => return not_started(&error),
    };
    for node in 0..50 {
        instance.surface().attach("attack", &format!("node-{node}")).unwrap();
    }
    said(&instance, attack(&instance, "").await).await
}

/// An attacker whose node is removed between two calls.
async fn removed_node(scene: Scene) -> String {
    let instance = match scene.start().await {
        Ok(instance) => instance,
        Err(error) => return not_started(&error),
    };
    instance.surface().attach("attack", "node").unwrap();
    attack(&instance, "take").await.unwrap();
    instance.surface().detach("node");
    said(&instance, attack(&instance, "use").await).await
}
