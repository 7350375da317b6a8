//! Attacks by handles: floods of every kind, and handles that are not what they seem.

use external_worker_host::limits::Resource;

use crate::network::reach;
use crate::scene::{Scene, attack, no_target, not_started, said};
use crate::table::{Row, row};

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        row(
            "handles/block_in_sync",
            "ended: it trapped: *",
            Scene::shelves,
        ),
        row("handles/cancel_twice", "ended: it trapped: *", no_target),
        row("handles/double_drop", "ended: it trapped: *", no_target),
        row("handles/drop_as_another", "ended: it trapped: *", no_target),
        row(
            "handles/drop_running_subtask",
            "ended: it trapped: *",
            no_target,
        ),
        row(
            "handles/flood_classes",
            "answered: 100 and Busy, 100 and Busy, 100 and Busy",
            no_target,
        ),
        row(
            "handles/flood_fields_p2",
            "ended: it trapped: resource table has no free keys",
            |scene| reach(scene.folder("rw")).call(""),
        ),
        row(
            "handles/flood_files_p2",
            "answered: * and insufficient-memory; 100 of 100 handles",
            hoards,
        ),
        row(
            "handles/flood_files_p3",
            "answered: * and InsufficientMemory; 100 of 100 handles",
            hoards,
        ),
        row(
            "handles/flood_folders_p2",
            "answered: * and insufficient-memory; 100 of 100 handles",
            hoards,
        ),
        row("handles/flood_nodes", "answered: 2 and Busy", fifty_nodes),
        row(
            "handles/flood_pollables_p2",
            "ended: it trapped: resource table has no free keys",
            |scene| reach(scene.folder("rw")).call(""),
        ),
        row("handles/flood_raw", "answered: ", no_target),
        row(
            "handles/flood_requests_p2",
            "ended: it trapped: resource table has no free keys",
            |scene| reach(scene.folder("rw")).call(""),
        ),
        row(
            "handles/flood_streams",
            "ended: it trapped: cannot allocate another handle: store handle limit exceeded",
            no_target,
        ),
        row(
            "handles/flood_streams_p2",
            "answered: * and insufficient-memory; 100 of 100 handles",
            hoards,
        ),
        row("handles/flood_subtasks", "ended: it trapped: *", no_target),
        row(
            "handles/flood_tcp_p2",
            "answered: 8 and Unavailable",
            |scene| reach(scene.folder("rw")).call(""),
        ),
        row(
            "handles/flood_tcp_p3",
            "answered: 8 and Unavailable",
            |scene| reach(scene.folder("rw")).call(""),
        ),
        row(
            "handles/flood_udp_p2",
            "answered: 8 and Unavailable",
            |scene| reach(scene.folder("rw")).call(""),
        ),
        row(
            "handles/flood_udp_p3",
            "answered: 8 and Unavailable",
            |scene| reach(scene.folder("rw")).call(""),
        ),
        row(
            "handles/flood_waitable_sets",
            "ended: it trapped: *",
            no_target,
        ),
        row("handles/forged", "ended: it trapped: *", no_target),
        row("handles/forged_negative", "ended: it trapped: *", no_target),
        row("handles/forged_zero", "ended: it trapped: *", no_target),
        row(
            "handles/removed_node",
            "Unavailable: the node was removed",
            removed_node,
        ),
        row(
            "handles/subtask_as_resource",
            "ended: it trapped: *",
            no_target,
        ),
        row("handles/use_after_drop", "ended: it trapped: *", no_target),
        row("handles/wrong_type", "ended: it trapped: *", no_target),
    ]
}

/// An attacker at a folder, and how many handles it had at most: what its library opens before is its own.
async fn hoards(scene: Scene) -> String {
    let scene = reach(scene.folder("rw"));
    let instance = match scene.start().await {
        Ok(instance) => instance,
        Err(error) => return not_started(&error),
    };
    let did = said(&instance, attack(&instance, "").await).await;
    let ledger = instance.ledger();
    let (most, of) = (
        ledger.peak(Resource::Handles),
        ledger.limit(Resource::Handles),
    );
    format!("{did}; {most} of {of} handles")
}

/// An attacker with fifty nodes.
async fn fifty_nodes(scene: Scene) -> String {
    let instance = match scene.start().await {
        Ok(instance) => instance,
        Err(error) => return not_started(&error),
    };
    for node in 0..50 {
        instance
            .surface()
            .attach("attack", &format!("node-{node}"), None)
            .unwrap();
    }
    said(&instance, attack(&instance, "").await).await
}

/// An attacker whose node is removed between two calls.
async fn removed_node(scene: Scene) -> String {
    let instance = match scene.start().await {
        Ok(instance) => instance,
        Err(error) => return not_started(&error),
    };
    instance.surface().attach("attack", "node", None).unwrap();
    attack(&instance, "take").await.unwrap();
    instance.surface().detach("node");
    said(&instance, attack(&instance, "use").await).await
}
