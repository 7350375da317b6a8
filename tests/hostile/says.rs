//! Attacks by what a guest says: to the host, which reads it, and to people, whose terminals it must not steer.

use std::time::Duration;

use external_worker_host::instance::events::Event;
use external_worker_tests::wait_for;
use serde_json::json;

use crate::bystander::add_node;
use crate::house::{ATTACKER, House};
use crate::scene::{Scene, attack, heard, is_clean, no_target, not_started, said};
use crate::table::{Row, housed, row};

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        row("says/changes", "the same twice", describes_twice),
        row("says/class_id_empty", "description: *", Scene::describes),
        row("says/class_id_escape", "description: *", Scene::describes),
        row("says/class_id_long", "description: *", Scene::describes),
        row("says/class_id_path", "description: *", Scene::describes),
        row(
            "says/class_of_another",
            "Unavailable: the class has no method `ID`; the other heard []",
            another,
        ),
        row("says/config_flood", "answered: true; clean: ", overheard),
        row("says/classes_huge", "description: *", Scene::describes),
        row("says/classes_many", "description: *", Scene::describes),
        row("says/classes_none", "description: *", Scene::describes),
        row("says/classes_twice", "description: *", Scene::describes),
        row("says/description_escape", "described: *", Scene::describes),
        row("says/description_far", "description: *", Scene::describes),
        housed(
            "says/drawing",
            None,
            "its mime is text/plain, and it begins with data:image/svg+xml;base64,",
            |plan| plan.attackers(""),
            shows,
        ),
        row(
            "says/error",
            "Denied: \u{fffd}[2Jno\u{fffd} \u{fffd}; clean: ",
            overheard,
        ),
        row(
            "says/error_of_loop",
            "told: \u{fffd}]0;owned\u{fffd}",
            fails_in_loop,
        ),
        row(
            "says/error_of_start",
            "not started: `start` failed: \u{fffd}]0;owned\u{fffd}",
            no_target,
        ),
        row(
            "says/error_of_update",
            "InvalidConfig: the worker refused it: \u{fffd}]0;owned\u{fffd}",
            Scene::configures,
        ),
        row(
            "says/event_deep",
            "InvalidInput: not JSON: recursion limit exceeded at line 1 column 128; clean: ",
            overheard,
        ),
        row(
            "says/event_flood",
            "answered: true; clean: event 0",
            overheard,
        ),
        row(
            "says/event_malformed",
            "InvalidInput: not JSON: expected value at line 1 column 6; clean: ",
            overheard,
        ),
        row(
            "says/event_name",
            "answered: ; clean: \u{fffd}[2Jevent forged \u{fffd} 1",
            overheard,
        ),
        row(
            "says/input_unknown",
            "Unavailable: the node of `attack` has no input `nothing`; clean: ",
            overheard,
        ),
        row(
            "says/last_words",
            "ended: it panicked: \u{fffd}[2Jall is well; clean: \u{fffd}[2Jall is well nothing happened\u{fffd}",
            overheard,
        ),
        row(
            "says/log_flood",
            "answered: ; clean: *, the rest dropped",
            patiently,
        ),
        row(
            "says/log_overrides",
            "answered: ; clean: a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}e\u{fffd}2Jf\u{fffd}g\u{fffd}h",
            overheard,
        ),
        row("says/loop_delay", "described: *", Scene::describes),
        row("says/method_bidi", "description: *", Scene::describes),
        row("says/method_empty", "description: *", Scene::describes),
        row("says/method_escape", "description: *", Scene::describes),
        row("says/method_path", "description: *", Scene::describes),
        row("says/method_title_escape", "described: *", Scene::describes),
        row("says/method_twice", "description: *", Scene::describes),
        row("says/methods_many", "description: *", Scene::describes),
        row(
            "says/media_type",
            "value: the output `out`: the media type is not one, *",
            no_target,
        ),
        housed(
            "says/media_type_header",
            None,
            "its mime is image/png, and it begins with *",
            |plan| plan.attackers(""),
            shows,
        ),
        row(
            "says/media_type_long",
            "value: the output `out`: the media type is not one, *",
            no_target,
        ),
        row(
            "says/nodes_of_another",
            "Unavailable: the class has no method `ID`; the other heard []",
            another,
        ),
        row(
            "says/nodes_update_flood",
            "answered: true; clean: nodes_update null",
            overheard,
        ),
        row(
            "says/options_large",
            "InvalidInput: 1000002 bytes of JSON are more than the 65536 allowed; clean: ",
            overheard,
        ),
        row(
            "says/options_malformed",
            "InvalidInput: not JSON: expected value at line 1 column 15; clean: ",
            overheard,
        ),
        row(
            "says/output_name",
            "value: the outputs: 1100064 bytes are more than the 1048576 of the budget `value-size`; hand over less at once, or raise it in the policy; clean: ",
            overheard,
        ),
        row("says/panic", "description: *", Scene::describes),
        row(
            "says/port_default_array",
            "description: *",
            Scene::describes,
        ),
        row("says/port_default_json", "description: *", Scene::describes),
        row(
            "says/port_default_large",
            "description: *",
            Scene::describes,
        ),
        row("says/port_escape", "description: *", Scene::describes),
        row("says/port_options", "description: *", Scene::describes),
        row(
            "says/port_options_large",
            "description: *",
            Scene::describes,
        ),
        row("says/port_type", "description: *", Scene::describes),
        row(
            "says/port_type_deep",
            "description: the type of `a.p`: not JSON: recursion limit exceeded*",
            Scene::describes,
        ),
        row("says/ports_many", "description: *", Scene::describes),
        row("says/ports_shared", "description: *", Scene::describes),
        row("says/ports_twice", "description: *", Scene::describes),
        row(
            "says/print",
            "answered: ; clean: \\u{1b}[2Jline\\u{d}forged\\u{202e}",
            overheard,
        ),
        row(
            "says/print_flood",
            "answered: ; clean: line *, the rest dropped",
            patiently,
        ),
        // A million may be more than it is given time for.
        row(
            "says/progress_flood",
            "answered: ; clean: * | ended: it used * ms of CPU*; clean: * | *took longer than*; clean: *",
            patiently,
        ),
        row("says/progress_long", "answered: ; clean: 0.5 *", patiently),
        row(
            "says/progress_of_another",
            "answered: ; clean: 0 ",
            overheard,
        ),
        row("says/render_options", "description: *", Scene::describes),
        row("says/schema_deep", "description: *", Scene::describes),
        row("says/schema_empty", "description: *", Scene::describes),
        row("says/schema_file", "description: *", Scene::describes),
        row("says/schema_large", "description: *", Scene::describes),
        row("says/schema_list", "description: *", Scene::describes),
        row("says/schema_malformed", "description: *", Scene::describes),
        row(
            "says/schema_of_itself",
            "not started: the configuration is not valid: *",
            no_target,
        ),
        row("says/schema_pattern", "answered: ", no_target),
        row(
            "says/schema_pattern_large",
            "described: *",
            Scene::describes,
        ),
        row("says/schema_remote", "description: *", Scene::describes),
        row("says/schema_wide", "description: *", Scene::describes),
        row(
            "says/shelf_name",
            "description: the name `\u{fffd}[2J` of a shelf is empty, too long, or has a slash or control character",
            Scene::shelves,
        ),
        row(
            "says/shelf_nodes",
            "description: `a` has 10000 nodes; at most 1024 are allowed",
            Scene::shelves,
        ),
        row(
            "says/shelf_of_itself",
            "description: the shelf `a` comes before its parent",
            Scene::shelves,
        ),
        row(
            "says/shelf_of_none",
            "description: the shelf `b` comes before its parent",
            Scene::shelves,
        ),
        row(
            "says/shelf_path",
            "description: the name `a/../b` of a shelf is empty, too long, or has a slash or control ch*",
            Scene::shelves,
        ),
        row(
            "says/shelf_tower",
            "description: the shelf `a` is 17 shelves deep; at most 16 are allowed",
            Scene::shelves,
        ),
        row(
            "says/shelf_twice",
            "description: two shelves side by side are called `a`",
            Scene::shelves,
        ),
        row(
            "says/shelf_type",
            "description: the type of `n.p`: not JSON: EOF while parsing an object at line 1 column 1",
            Scene::shelves,
        ),
        row(
            "says/timeout_of_a_year",
            "refused: a call of `a` may take 4294967295 ms; the policy allows 600000 ms",
            |scene| scene.budget("above-cap", "\"refuse\"").describes(),
        ),
        row("says/title_escape", "described: *", Scene::describes),
        row("says/title_long", "described: *", Scene::describes),
        row("says/trigger_flood", "answered: true; clean: ", overheard),
        row(
            "says/trigger_of_another",
            "Unavailable: the class has no method `ID`; the other heard []",
            another,
        ),
        row(
            "says/trigger_unknown",
            "Unavailable: the class has no method `\u{fffd}[2Jnothing`; clean: ",
            overheard,
        ),
        row("says/ui_schema", "description: *", Scene::describes),
        row(
            "says/value_malformed",
            "InvalidInput: not JSON: EOF while parsing an object at line 1 column 1; clean: ",
            overheard,
        ),
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
    let is_clean = lines
        .iter()
        .all(|line| is_clean(line) && !line.contains('\n'));
    let clean = if is_clean { "clean" } else { "NOT CLEAN" };
    let first = lines.first().cloned().unwrap_or_default();
    let dropped = if dropped > 90_000 {
        ", the rest dropped"
    } else {
        ""
    };
    format!("{said}; {clean}: {first}{dropped}")
}

/// The same, with time for a flood to come to its end.
async fn patiently(scene: Scene) -> String {
    overheard(
        scene
            .budget("cpu-spin-ms", 20_000)
            .budget("call-deadline-ms", 20_000),
    )
    .await
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
    other.surface().attach("attack", &id, None).unwrap();
    let mut events = other.events();
    let did = scene.call(&id).await;
    format!(
        "{}; the other heard {:?}",
        did.replace(&id, "ID"),
        heard(&mut events)
    )
}

/// Describes it in two stores.
async fn describes_twice(scene: Scene) -> String {
    let (one, two) = (scene.clone().describes().await, scene.describes().await);
    if one == two {
        "the same twice".to_owned()
    } else {
        format!("{one} and {two}")
    }
}

/// How clients are told of the value that a node answers: the frame is for that node, whatever the value says.
fn shows(house: &mut House) -> String {
    const WITHIN: Duration = Duration::from_secs(10);
    const SHOWN: usize = 26;
    let mut wire = house.client();
    let uuid = house.attacker(&mut wire).unwrap();
    let node = add_node(&mut wire, ATTACKER, &uuid, "attack").unwrap();
    wire.send("trigger_node", json!({ "nid": node })).unwrap();
    let begin = format!(";node={node}; io=out; mime=");
    let shown = wire.until(WITHIN, |message| {
        let bytes = message.is_binary().then(|| message.clone().into_data())?;
        let frame = String::from_utf8_lossy(&bytes).into_owned();
        let (_, after) = frame.split_once(&begin)?;
        let (mime, body) = after.split_once("; type=io_value; preview=1\r\n\r\n")?;
        let body: String = body.chars().take(SHOWN).collect();
        let body = body.escape_debug();
        Some(format!("its mime is {mime}, and it begins with {body}"))
    });
    shown.unwrap_or_else(|| "nothing is shown".to_owned())
}
