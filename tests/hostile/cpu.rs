//! Attacks on the processor: the instance ends by its bill, its deadline, or waits for its share.

use serde_json::json;

use crate::scene::{Scene, attack, end, no_target, not_started, outlives};
use crate::table::{Row, row};

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        row("cpu/allocate_storm", "?", no_target),
        row("cpu/branch_storm", "?", no_target),
        row("cpu/callback_spins", "?", no_target),
        row("cpu/callback_yields", "?", |scene| outlives(scene.budget("cpu-spin-ms", 60_000))),
        row("cpu/copy_storm", "?", no_target),
        row("cpu/deep_recursion", "?", no_target),
        row("cpu/deep_recursion_indirect", "?", no_target),
        row("cpu/fill_storm", "?", no_target),
        row("cpu/float_storm", "?", no_target),
        row("cpu/grow_storm", "?", no_target),
        row("cpu/hog", "?", hog),
        row("cpu/host_call_storm", "?", no_target),
        row("cpu/many_tasks", "?", outlives),
        row("cpu/never_returns", "?", outlives),
        row("cpu/never_starts", "?", no_target),
        row("cpu/never_updates", "?", |scene| configures_and_ends(scene)),
        row("cpu/parse_storm", "?", no_target),
        row("cpu/recursion_into_host", "?", no_target),
        row("cpu/spin_after_return", "?", no_target),
        row("cpu/spin_between_waits", "?", no_target),
        row("cpu/spin_call", "?", no_target),
        row("cpu/spin_cancel", "?", outlives),
        row("cpu/spin_in_describe", "?", Scene::describes),
        row("cpu/spin_in_module_start", "?", Scene::describes),
        row("cpu/spin_in_realloc", "?", no_target),
        row("cpu/spin_loop", "?", Scene::lives),
        row("cpu/spin_shelf", "?", Scene::shelves),
        row("cpu/spin_start", "?", no_target),
        row("cpu/spin_stop", "?", Scene::stops),
        row("cpu/spin_update", "?", Scene::configures),
        row("cpu/turns_without_pause", "?", turns),
        row("cpu/yields_without_end", "?", |scene| outlives(scene.budget("cpu-spin-ms", 60_000))),
    ]
}

/// Changes the configuration, and waits for the end that this comes to.
async fn configures_and_ends(scene: Scene) -> String {
    let instance = match scene.start().await {
        Ok(instance) => instance,
        Err(error) => return not_started(&error),
    };
    let updated = instance.update_config(json!({ "changed": true })).await;
    let error = updated.map_or_else(|error| error.to_string(), |()| "updated".to_owned());
    format!("{error}, then {}", end(instance.ended().await))
}

/// Waits until the instance has to wait for its share.
async fn hog(scene: Scene) -> String {
    let instance = match scene.budget("cpu-burst-ms", 50).start().await {
        Ok(instance) => instance,
        Err(error) => return not_started(&error),
    };
    while instance.status().throttled.is_zero() {
        if let Err(error) = instance.call("ping", Vec::new()).await {
            return error.to_string();
        }
    }
    "throttled".to_owned()
}

/// Waits until the loop has turned a thousand times; calls are served meanwhile.
async fn turns(scene: Scene) -> String {
    let instance = match scene.start().await {
        Ok(instance) => instance,
        Err(error) => return not_started(&error),
    };
    while instance.status().turns.turns < 1_000 {
        if let Err(error) = attack(&instance, "").await {
            return error.to_string();
        }
    }
    "served".to_owned()
}
