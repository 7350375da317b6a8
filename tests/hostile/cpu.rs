//! Attacks on the processor: the instance ends by its bill, its deadline, or waits for its share.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::scene::{Scene, attack, end, no_target, not_started, outlives};
use crate::table::{Row, made, row};

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    let mut rows = alone();
    rows.extend(crowds());
    rows
}

/// Attackers that are alone.
fn alone() -> Vec<Row> {
    vec![
        row(
            "cpu/allocate_storm",
            "ended: it used * ms of CPU without finishing a turn or a call*",
            no_target,
        ),
        row(
            "cpu/branch_storm",
            "ended: it used * ms of CPU without finishing a turn or a call*",
            no_target,
        ),
        row(
            "cpu/callback_spins",
            "ended: it used * ms of CPU without finishing a turn or a call*",
            no_target,
        ),
        row(
            "cpu/callback_yields",
            "deadline, then ended: a call went on after it was asked to end",
            |scene| outlives(scene.budget("cpu-spin-ms", 60_000)),
        ),
        row(
            "cpu/copy_storm",
            "ended: it used * ms of CPU without finishing a turn or a call*",
            no_target,
        ),
        row(
            "cpu/deep_recursion",
            "ended: it trapped: wasm trap: call stack exhausted",
            no_target,
        ),
        row(
            "cpu/deep_recursion_indirect",
            "ended: it trapped: wasm trap: call stack exhausted",
            no_target,
        ),
        row(
            "cpu/fill_storm",
            "ended: it used * ms of CPU without finishing a turn or a call*",
            no_target,
        ),
        row(
            "cpu/float_storm",
            "ended: it used * ms of CPU without finishing a turn or a call*",
            no_target,
        ),
        row(
            "cpu/grow_storm",
            "ended: it used * ms of CPU without finishing a turn or a call*",
            no_target,
        ),
        row("cpu/hog", "throttled", hog),
        row("cpu/hog_allocates", "throttled", hog),
        row("cpu/hog_asks", "throttled", hog),
        row("cpu/hog_emits", "throttled", hog),
        row("cpu/hog_logs", "throttled", hog),
        row("cpu/hog_naps", "throttled", hog),
        row("cpu/hog_traps", "ended: it *", Scene::lives),
        row(
            "cpu/host_call_storm",
            "ended: it used * ms of CPU without finishing a turn or a call*",
            no_target,
        ),
        row(
            "cpu/many_tasks",
            "ended: it trapped: cannot allocate another handle: store handle limit exceeded",
            outlives,
        ),
        row(
            "cpu/never_returns",
            "deadline, then ended: a call went on after it was asked to end",
            outlives,
        ),
        row(
            "cpu/never_starts",
            "not started: `start` took longer than 1000 ms",
            no_target,
        ),
        row(
            "cpu/never_updates",
            "the instance has ended: `update-config` took longer than 700 ms, then ended: `update-confi*",
            configures_and_ends,
        ),
        row(
            "cpu/parse_storm",
            "ended: it used * ms of CPU without finishing a turn or a call*",
            no_target,
        ),
        row(
            "cpu/recursion_into_host",
            "ended: it trapped: wasm trap: call stack exhausted",
            no_target,
        ),
        row(
            "cpu/spin_after_return",
            "ended: it used * ms of CPU without finishing a turn or a call*",
            no_target,
        ),
        row(
            "cpu/spin_between_waits",
            "ended: it used * ms of CPU without finishing a turn or a call*",
            no_target,
        ),
        row(
            "cpu/spin_call",
            "ended: it used * ms of CPU without finishing a turn or a call*",
            no_target,
        ),
        row(
            "cpu/spin_cancel",
            "deadline, then ended: it used * ms of CPU without finishing a turn or a call*",
            outlives,
        ),
        row(
            "cpu/spin_in_describe",
            "description: `describe` *",
            Scene::describes,
        ),
        row(
            "cpu/spin_in_module_start",
            "description: `describe` *",
            Scene::describes,
        ),
        row(
            "cpu/spin_in_realloc",
            "not started: it used * ms of CPU without finishing a turn or a call*",
            no_target,
        ),
        row(
            "cpu/spin_loop",
            "ended: it used * ms of CPU without finishing a turn or a call*",
            Scene::lives,
        ),
        row(
            "cpu/spin_shelf",
            "ended: it used * ms of CPU without finishing a turn or a call*",
            Scene::shelves,
        ),
        row(
            "cpu/spin_start",
            "not started: it used * ms of CPU without finishing a turn or a call*",
            no_target,
        ),
        row(
            "cpu/spin_stop",
            "ended: it used * ms of CPU without finishing a turn or a call*",
            Scene::stops,
        ),
        row(
            "cpu/spin_update",
            "ended: it used * ms of CPU without finishing a turn or a call*",
            Scene::configures,
        ),
        row("cpu/turns_without_pause", "served", turns),
        row(
            "cpu/waits_blocked",
            "deadline, then ended: a call went on after it was asked to end",
            outlives,
        ),
        row(
            "cpu/yields_without_end",
            "deadline, then ended: a call went on after it was asked to end",
            |scene| outlives(scene.budget("cpu-spin-ms", 60_000)),
        ),
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

/// How many there are in a crowd.
const CROWD: usize = 64;
/// How long a crowd goes on.
const WHILE: Duration = Duration::from_secs(3);
/// What one of a crowd may use of the processor more than another that does the same.
const UNEVEN: u32 = 4;

/// Crowds of attackers that stay within their budgets, each using the processor otherwise.
fn crowds() -> Vec<Row> {
    let crowds = [
        ("cpu/hogs", "Are 64 that use all that they get", "cpu/hog"),
        (
            "cpu/hogs_allocate",
            "Are 64 that take and give back memory",
            "cpu/hog_allocates",
        ),
        (
            "cpu/hogs_ask",
            "Are 64 that ask the host for what is not there",
            "cpu/hog_asks",
        ),
        (
            "cpu/hogs_emit",
            "Are 64 that emit all that they can",
            "cpu/hog_emits",
        ),
        (
            "cpu/hogs_log",
            "Are 64 that log all that they can",
            "cpu/hog_logs",
        ),
        (
            "cpu/hogs_nap",
            "Are 64 that sleep for a moment before each tick",
            "cpu/hog_naps",
        ),
        (
            "cpu/hogs_trap",
            "Are 64 that fail and are started again",
            "cpu/hog_traps",
        ),
    ];
    crowds
        .map(|(attack, tries, of)| {
            made(attack, tries, "all ran, evenly", move |scene| {
                crowd(scene, of)
            })
        })
        .into()
}

/// Lets a crowd run for a while, and compares what its members used.
async fn crowd(scene: Scene, attack: &'static str) -> String {
    let scene = scene.budget("restarts", 1_000);
    let mut crowd = Vec::new();
    for _ in 0..CROWD {
        match scene.start_as(attack).await {
            Ok(instance) => crowd.push(instance),
            Err(error) => return not_started(&error),
        }
    }
    let bills = || crowd.iter().map(|instance| instance.status().cpu);
    let before: Vec<_> = bills().collect();
    let mut used: Vec<Duration>;
    let begin = Instant::now();
    loop {
        tokio::time::sleep(WHILE).await;
        used = bills()
            .zip(&before)
            .map(|(after, before)| after - *before)
            .collect();
        // A machine that does other things may take longer until all had their turn.
        if !used.contains(&Duration::ZERO) || begin.elapsed() > WHILE * 5 {
            break;
        }
    }
    let (least, most) = (
        used.iter().min().copied().unwrap_or_default(),
        used.iter().max().copied().unwrap_or_default(),
    );
    if least.is_zero() {
        return "some did not run".to_owned();
    }
    match most <= least * UNEVEN {
        true => "all ran, evenly".to_owned(),
        false => format!(
            "all ran, from {} to {} ms",
            least.as_millis(),
            most.as_millis()
        ),
    }
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
