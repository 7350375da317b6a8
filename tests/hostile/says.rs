//! Attacks by what a guest says: to the host, which reads it, and to people, whose terminals it must not steer.

use external_worker_host::instance::events::Event;
use external_worker_tests::wait_for;

use crate::scene::{Scene, attack, heard, is_clean, no_target, not_started, said};
use crate::table::{Row, row};

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        row("says/changes", "?", describes_twice),
        row("says/class_id_empty", "?", Scene::describes),
        row("says/class_id_escape", "?", Scene::describes),
        row("says/class_id_long", "?", Scene::describes),
        row("says/class_id_path", "?", Scene::describes),
        row("says/class_of_another", "?", another),
        row("says/classes_huge", "?", Scene::describes),
        row("says/classes_many", "?", Scene::describes),
        row("says/classes_none", "?", Scene::describes),
        row("says/classes_twice", "?", Scene::describes),
        row("says/description_escape", "?", Scene::describes),
        row("says/description_far", "?", Scene::describes),
        row("says/error", "?", overheard),
        row("says/error_of_loop", "?", fails_in_loop),
        row("says/error_of_start", "?", no_target),
        row("says/error_of_update", "?", Scene::configures),
        row("says/event_deep", "?", overheard),
        row("says/event_flood", "?", overheard),
        row("says/event_malformed", "?", overheard),
        row("says/event_name", "?", overheard),
        row("says/input_unknown", "?", overheard),
        row("says/last_words", "?", overheard),
        row("says/log_flood", "?", overheard),
        row("says/log_overrides", "?", overheard),
        row("says/loop_delay", "?", Scene::describes),
        row("says/method_bidi", "?", Scene::describes),
        row("says/method_empty", "?", Scene::describes),
        row("says/method_escape", "?", Scene::describes),
        row("says/method_path", "?", Scene::describes),
        row("says/method_title_escape", "?", Scene::describes),
        row("says/method_twice", "?", Scene::describes),
        row("says/methods_many", "?", Scene::describes),
        row("says/nodes_of_another", "?", another),
        row("says/nodes_update_flood", "?", overheard),
        row("says/options_large", "?", overheard),
        row("says/options_malformed", "?", overheard),
        row("says/output_name", "?", overheard),
        row("says/panic", "?", Scene::describes),
        row("says/port_default_array", "?", Scene::describes),
        row("says/port_default_json", "?", Scene::describes),
        row("says/port_default_large", "?", Scene::describes),
        row("says/port_escape", "?", Scene::describes),
        row("says/port_options", "?", Scene::describes),
        row("says/port_options_large", "?", Scene::describes),
        row("says/port_type", "?", Scene::describes),
        row("says/port_type_deep", "?", Scene::describes),
        row("says/ports_many", "?", Scene::describes),
        row("says/ports_twice", "?", Scene::describes),
        row("says/print", "?", overheard),
        row("says/print_flood", "?", overheard),
        row("says/render_options", "?", Scene::describes),
        row("says/schema_deep", "?", Scene::describes),
        row("says/schema_empty", "?", Scene::describes),
        row("says/schema_file", "?", Scene::describes),
        row("says/schema_large", "?", Scene::describes),
        row("says/schema_list", "?", Scene::describes),
        row("says/schema_malformed", "?", Scene::describes),
        row("says/schema_of_itself", "?", Scene::describes),
        row("says/schema_pattern", "?", Scene::describes),
        row("says/schema_pattern_large", "?", Scene::describes),
        row("says/schema_remote", "?", Scene::describes),
        row("says/schema_wide", "?", Scene::describes),
        row("says/shelf_name", "?", Scene::shelves),
        row("says/shelf_nodes", "?", Scene::shelves),
        row("says/shelf_of_itself", "?", Scene::shelves),
        row("says/shelf_of_none", "?", Scene::shelves),
        row("says/shelf_path", "?", Scene::shelves),
        row("says/shelf_tower", "?", Scene::shelves),
        row("says/shelf_twice", "?", Scene::shelves),
        row("says/shelf_type", "?", Scene::shelves),
        row("says/title_escape", "?", Scene::describes),
        row("says/title_long", "?", Scene::describes),
        row("says/trigger_flood", "?", overheard),
        row("says/trigger_of_another", "?", another),
        row("says/trigger_unknown", "?", overheard),
        row("says/ui_schema", "?", Scene::describes),
        row("says/value_malformed", "?", overheard),
    ]
}

/// Lets the attacker talk in a call, and listens.
async fn overheard(scene: Scene) -> String {
    let instance = match scene.start().await {
        Ok(instance) => instance,
        Err(error) => return not_started(&error),
    };
    let mut events = instance.events();
    let said = said(&instance, attack(&instance, "").await).await;
    let lines = heard(&mut events);
    let dropped = instance.status().dropped_log_lines;
    let is_clean = lines.iter().all(|line| is_clean(line) && !line.contains('\n'));
    let clean = if is_clean { "clean" } else { "NOT CLEAN" };
    let first = lines.first().cloned().unwrap_or_default();
    let dropped = if dropped > 90_000 { ", the rest dropped" } else { "" };
    format!("{said}; {clean}: {first}{dropped}")
}

/// Waits until the failure of the loop is told.
async fn fails_in_loop(scene: Scene) -> String {
    let prepared = scene.prepare().await.unwrap();
    let config = serde_json::json!({ "attack": "says/error_of_loop" });
    let spec = external_worker_tests::spec("hostile", config);
    let begun = external_worker_host::instance::Instance::begin(&prepared, spec);
    let (starting, mut events) = begun.unwrap();
    scene.watch(starting.instance());
    let failed = wait_for(&mut events, |event| match event {
        Event::LoopFailed { message } => Some(message.clone()),
        _ => None,
    });
    format!("told: {}", failed.await)
}

/// Lets the attacker reach for another instance by the id of its node.
async fn another(scene: Scene) -> String {
    let other = match scene.start().await {
        Ok(other) => other,
        Err(error) => return not_started(&error),
    };
    let id = format!("hostile.{}.attack", other.uuid().simple());
    other.surface().attach("attack", &id).unwrap();
    let mut events = other.events();
    let did = scene.call(&id).await;
    format!("{}; the other heard {:?}", did.replace(&id, "ID"), heard(&mut events))
}

/// Describes it in two stores.
async fn describes_twice(scene: Scene) -> String {
    let (one, two) = (scene.clone().describes().await, scene.describes().await);
    if one == two { "the same twice".to_owned() } else { format!("{one} and {two}") }
}
