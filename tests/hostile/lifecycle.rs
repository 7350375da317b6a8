//! Attacks by how a guest lives and ends.

use futures_util::future::join_all;

use crate::scene::{Scene, attack, end, no_target, not_started, outlives};
use crate::table::{Row, row};

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        row("lifecycle/call_as_another_type", "?", no_target),
        row("lifecycle/call_nobody", "?", no_target),
        row("lifecycle/callback_garbage", "?", no_target),
        row("lifecycle/callback_waits_for_nothing", "?", no_target),
        row("lifecycle/convert", "?", no_target),
        row("lifecycle/copy_beyond", "?", no_target),
        row("lifecycle/delay_extreme", "?", no_target),
        row("lifecycle/describe_lies", "?", no_target),
        row("lifecycle/divide", "?", no_target),
        row("lifecycle/exit", "?", no_target),
        row("lifecycle/exit_in_start", "?", no_target),
        row("lifecycle/exit_without_return", "?", no_target),
        row("lifecycle/half_start", "?", no_target),
        row("lifecycle/hang_in_loop", "?", Scene::stops),
        row("lifecycle/hang_in_stop", "?", Scene::stops),
        row("lifecycle/overflow", "?", no_target),
        row("lifecycle/panic_in_call", "?", no_target),
        row("lifecycle/panic_in_loop", "?", Scene::lives),
        row("lifecycle/panic_in_shelf", "?", Scene::shelves),
        row("lifecycle/panic_in_start", "?", no_target),
        row("lifecycle/panic_in_stop", "?", Scene::stops),
        row("lifecycle/panic_in_update", "?", Scene::configures),
        row("lifecycle/pause_storm", "?", no_target),
        row("lifecycle/poisoned_call", "?", poisoned_call),
        row("lifecycle/read_beyond", "?", no_target),
        row("lifecycle/restart_storm", "?", restart_storm),
        row("lifecycle/return_of_another", "?", Scene::shelves),
        row("lifecycle/return_twice", "?", no_target),
        row("lifecycle/sleep_extreme", "?", outlives),
        row("lifecycle/stop_in_start", "?", Scene::lives),
        row("lifecycle/stop_in_stop", "?", Scene::stops),
        row("lifecycle/trap_after_return", "?", no_target),
        row("lifecycle/trap_in_cancel", "?", |scene| outlives(scene.budget("cpu-spin-ms", 60_000))),
        row("lifecycle/trap_in_describe", "?", Scene::describes),
        row("lifecycle/trap_in_module_start", "?", Scene::describes),
        row("lifecycle/unreachable", "?", no_target),
        row("lifecycle/words_then_alive", "?", no_target),
        row("lifecycle/works_after_return", "?", no_target),
    ]
}

/// An attacker that may be started again three times.
async fn restart_storm(scene: Scene) -> String {
    match scene.budget("restarts", 3).start().await {
        Ok(instance) => {
            let end = end(instance.ended().await);
            format!("restarted {} times, {end}", instance.status().restarts)
        }
        Err(error) => not_started(&error),
    }
}

/// Calls of which one ends the instance: none of the others waits for ever.
async fn poisoned_call(scene: Scene) -> String {
    let instance = match scene.start().await {
        Ok(instance) => instance,
        Err(error) => return not_started(&error),
    };
    let waiting = (0..20).map(|n| attack(&instance, if n == 19 { "end" } else { "wait" }));
    let ended = join_all(waiting).await;
    let told = ended.iter().filter(|result| {
        matches!(result, Err(external_worker_host::HostError::Ended(_)))
    });
    format!("told {} of 20, {}", told.count(), end(instance.ended().await))
}
