//! Attacks by how a guest lives and ends.

use external_worker_host::HostError;
use futures_util::future::join_all;

use crate::scene::{Scene, attack, end, no_target, not_started, outlives};
use crate::table::{Row, row};

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        row(
            "lifecycle/call_as_another_type",
            "ended: it trapped: *",
            no_target,
        ),
        row("lifecycle/call_nobody", "ended: it trapped: *", no_target),
        row(
            "lifecycle/callback_garbage",
            "ended: it trapped: *",
            no_target,
        ),
        row(
            "lifecycle/callback_waits_for_nothing",
            "ended: it trapped: *",
            no_target,
        ),
        row("lifecycle/convert", "ended: it trapped: *", no_target),
        row("lifecycle/copy_beyond", "ended: it trapped: *", no_target),
        row("lifecycle/delay_extreme", "answered: ", no_target),
        row(
            "lifecycle/describe_lies",
            "not started: `start` failed: hostile",
            no_target,
        ),
        row("lifecycle/divide", "ended: it trapped: *", no_target),
        row(
            "lifecycle/exit",
            "ended: it trapped: Exited with i32 exit status 0",
            no_target,
        ),
        row(
            "lifecycle/exit_in_start",
            "not started: it trapped: Exited with i32 exit status 0",
            no_target,
        ),
        row(
            "lifecycle/exit_without_return",
            "ended: it trapped: *",
            no_target,
        ),
        row(
            "lifecycle/half_start",
            "not started: `start` failed: it changed its mind",
            no_target,
        ),
        row("lifecycle/hang_in_loop", "stopped", Scene::stops),
        row("lifecycle/hang_in_stop", "dropped", Scene::stops),
        row(
            "lifecycle/keeps_its_grace",
            "deadline, then dropped",
            stopped_in_grace,
        ),
        row("lifecycle/overflow", "ended: it trapped: *", no_target),
        row(
            "lifecycle/panic_in_call",
            "ended: it trapped: wasm trap: wasm `unreachable` instruction executed",
            no_target,
        ),
        row(
            "lifecycle/panic_in_loop",
            "ended: it trapped: wasm trap: wasm `unreachable` instruction executed",
            Scene::lives,
        ),
        row(
            "lifecycle/panic_in_shelf",
            "ended: it trapped: wasm trap: wasm `unreachable` instruction executed",
            Scene::shelves,
        ),
        row(
            "lifecycle/panic_in_start",
            "not started: it trapped: wasm trap: wasm `unreachable` instruction executed",
            no_target,
        ),
        row(
            "lifecycle/panic_in_stop",
            "ended: it trapped: wasm trap: wasm `unreachable` instruction executed",
            Scene::stops,
        ),
        row(
            "lifecycle/panic_in_update",
            "ended: it trapped: wasm trap: wasm `unreachable` instruction executed",
            Scene::configures,
        ),
        row("lifecycle/pause_storm", "answered: ", |scene| {
            no_target(scene.budget("cpu-spin-ms", 5_000))
        }),
        row(
            "lifecycle/poisoned_call",
            "told 20 of 20, ended: it trapped: wasm trap: wasm `unreachable` instruction executed",
            poisoned_call,
        ),
        row("lifecycle/read_beyond", "ended: it trapped: *", no_target),
        row(
            "lifecycle/restart_storm",
            "restarted 3 times, ended: it trapped: wasm trap: wasm `unreachable` instruction executed",
            restart_storm,
        ),
        row(
            "lifecycle/return_of_another",
            "ended: it trapped: *",
            Scene::shelves,
        ),
        row("lifecycle/return_twice", "ended: it trapped: *", no_target),
        row(
            "lifecycle/sleep_extreme",
            "deadline, then ended: a call went on after it was asked to end",
            outlives,
        ),
        row("lifecycle/stop_in_start", "stopped", Scene::lives),
        row("lifecycle/stop_in_stop", "stopped", Scene::stops),
        row(
            "lifecycle/trap_after_return",
            "ended: it trapped: *",
            no_target,
        ),
        row(
            "lifecycle/trap_in_cancel",
            "deadline, then ended: it trapped: *",
            |scene| outlives(scene.budget("cpu-spin-ms", 60_000)),
        ),
        row(
            "lifecycle/trap_in_describe",
            "description: `describe` failed: *",
            Scene::describes,
        ),
        row(
            "lifecycle/trap_in_module_start",
            "description: `describe` failed: *",
            Scene::describes,
        ),
        row("lifecycle/unreachable", "ended: it trapped: *", no_target),
        row(
            "lifecycle/waits_in_loop",
            "ended: it used * ms of CPU without finishing a turn or a call*",
            Scene::stops,
        ),
        row(
            "lifecycle/waits_in_stop",
            "ended: it used * ms of CPU without finishing a turn or a call*",
            Scene::stops,
        ),
        row(
            "lifecycle/words_then_alive",
            "answered: still here",
            no_target,
        ),
        row(
            "lifecycle/works_after_return",
            "ended: it used * ms of CPU without finishing a turn or a call*",
            no_target,
        ),
    ]
}

/// A grace is long, and a stop does not wait for it.
async fn stopped_in_grace(scene: Scene) -> String {
    let instance = match scene.budget("cancel-grace-ms", 3_600_000).start().await {
        Ok(instance) => instance,
        Err(error) => return not_started(&error),
    };
    match attack(&instance, "").await {
        Err(HostError::Deadline { .. }) => {
            format!("deadline, then {}", end(instance.stop().await))
        }
        other => format!("{other:?}"),
    }
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
    let told = ended
        .iter()
        .filter(|result| matches!(result, Err(HostError::Ended(_))));
    format!(
        "told {} of 20, {}",
        told.count(),
        end(instance.ended().await)
    )
}
