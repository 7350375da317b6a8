//! A worker that does what a script says. The script is JSON in its bytes, which a test overwrites in
//! the built component: so one guest is every component that is wrong in some way.
//!
//! It implements the world itself, because the SDK keeps authors from most of these mistakes.

use std::cell::RefCell;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use external_worker::__private::bindings;
use external_worker::bindings::exports::funcnodes::external_worker::worker::{
    CallInfo, Guest, InstanceInfo,
};
use external_worker::bindings::funcnodes::external_worker::host::{self, Level};
use external_worker::bindings::funcnodes::external_worker::timer;
use external_worker::bindings::funcnodes::external_worker::types::{
    Error, ErrorCode, NodeClass, Port, Shelf, Value, WorkerClass,
};
use serde_json::Value as Json;

/// What a test looks for and overwrites, up to its length; what follows the script is spaces.
#[used]
static SCRIPT: [u8; 8192] = {
    let mut script = [b' '; 8192];
    let mark = b"{\"puppet\": \"script\"}";
    let mut at = 0;
    while at < mark.len() {
        script[at] = mark[at];
        at += 1;
    }
    script
};

thread_local! {
    static KEPT: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

fn script() -> Json {
    // SAFETY: it is a static of that size. The compiler must not know what is in it.
    let bytes = unsafe { std::ptr::read_volatile(&SCRIPT) };
    serde_json::from_slice(&bytes).expect("the script is JSON")
}

fn text(json: &Json, key: &str) -> String {
    optional(json, key).unwrap_or_default()
}

/// A text, or any other JSON as its text.
fn optional(json: &Json, key: &str) -> Option<String> {
    match json.get(key)? {
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn list<T>(json: &Json, key: &str, make: fn(&Json) -> T) -> Vec<T> {
    let items = json.get(key).and_then(Json::as_array);
    items.into_iter().flatten().map(make).collect()
}

fn class(json: &Json) -> WorkerClass {
    let delay = json.get("delay").and_then(Json::as_u64);
    WorkerClass {
        class_id: text(json, "id"),
        title: text(json, "id"),
        description: None,
        config_schema: optional(json, "schema").unwrap_or_else(|| "{}".to_owned()),
        ui_schema: optional(json, "ui"),
        export_exclude: list(json, "exclude", |name| {
            name.as_str().unwrap_or_default().to_owned()
        }),
        loop_delay_ms: delay.map_or(1000, |delay| delay as u32),
        is_library: false,
        methods: list(json, "methods", method),
    }
}

fn method(json: &Json) -> NodeClass {
    NodeClass {
        name: text(json, "name"),
        title: None,
        description: None,
        inputs: list(json, "inputs", port),
        outputs: list(json, "outputs", port),
        render_options: optional(json, "render"),
        trigger_on_call: None,
        timeout_ms: None,
    }
}

fn port(json: &Json) -> Port {
    Port {
        name: text(json, "name"),
        type_: optional(json, "type").unwrap_or_else(|| "\"int\"".to_owned()),
        description: None,
        default: json.get("default").map(value),
        required: match json.get("required").and_then(Json::as_bool) {
            Some(required) => required,
            None => json.get("default").is_none(),
        },
        does_trigger: true,
        hidden: false,
        value_options: optional(json, "options"),
        render_options: optional(json, "render"),
    }
}

fn shelf(json: &Json) -> Shelf {
    let parent = json.get("parent").and_then(Json::as_u64);
    Shelf {
        name: text(json, "name"),
        description: None,
        parent: parent.map(|parent| parent as u32),
        nodes: list(json, "nodes", method),
    }
}

fn value(json: &Json) -> Value {
    match json {
        Json::Number(number) if number.is_i64() => Value::Integer(number.as_i64().unwrap_or(0)),
        Json::String(text) => Value::Text(text.clone()),
        // What no JSON is.
        Json::Array(items) => {
            Value::Json(items.first().and_then(Json::as_str).unwrap_or("").into())
        }
        _ => Value::None,
    }
}

fn refused(message: &str) -> Error {
    Error {
        code: ErrorCode::InvalidInput,
        message: message.to_owned(),
    }
}

/// What can be done anywhere, without waiting.
fn act(action: &str) -> Result<(), Error> {
    match action {
        "error" => return Err(refused("the script says so")),
        "trap" => panic!("the script says so"),
        "spin" => loop {
            std::hint::black_box(());
        },
        "grow" => KEPT.with_borrow_mut(|kept| kept.push(vec![1; 256 * 1024])),
        "log" => (0..200).for_each(|_| host::log(Level::Info, "again")),
        "emit" => (0..200).for_each(|_| drop(host::emit("again", "{}"))),
        _ => {}
    }
    Ok(())
}

async fn do_what(key: &str) -> Result<(), Error> {
    let action = text(&script(), key);
    if action == "hang" {
        timer::sleep(3_600_000).await;
    }
    act(&action)
}

fn outputs(method: &Json) -> Vec<(String, Value)> {
    let returned = method.get("returns").and_then(Json::as_object);
    let returned = returned.into_iter().flatten();
    returned
        .map(|(name, json)| (name.clone(), value(json)))
        .collect()
}

fn check(method: &Json, inputs: &[(String, Value)]) -> Result<(), Error> {
    for port in list(method, "inputs", port) {
        let given = inputs.iter().find(|(name, _)| *name == port.name);
        let fits = match given.map(|(_, value)| value) {
            None => !port.required,
            Some(Value::Integer(_)) => port.type_ == "\"int\"",
            Some(_) => false,
        };
        if !fits {
            return Err(refused("not of its type"));
        }
    }
    Ok(())
}

struct Puppet;

impl Guest for Puppet {
    fn describe() -> Vec<WorkerClass> {
        let script = script();
        let _ = act(&text(&script, "describe"));
        let mut classes = list(&script, "classes", class);
        if text(&script, "describe") == "chance" {
            let chance = RandomState::new().hash_one(0);
            classes
                .iter_mut()
                .for_each(|class| class.title = chance.to_string());
        }
        classes
    }

    async fn start(_class: String, _who: InstanceInfo, _config: String) -> Result<(), Error> {
        do_what("start").await
    }

    async fn loop_() -> Result<(), Error> {
        do_what("loop").await
    }

    async fn update_config(_config: String) -> Result<(), Error> {
        do_what("update").await
    }

    fn get_nodeshelf() -> Option<Vec<Shelf>> {
        let script = script();
        let _ = act(&text(&script, "shelf"));
        script.get("shelves")?;
        Some(list(&script, "shelves", shelf))
    }

    async fn call(
        CallInfo { node, .. }: CallInfo,
        inputs: Vec<(String, Value)>,
    ) -> Result<Vec<(String, Value)>, Error> {
        let script = script();
        let methods = script
            .pointer("/classes/0/methods")
            .and_then(Json::as_array);
        let named = |method: &&Json| text(method, "name") == node;
        let method = methods.into_iter().flatten().find(named);
        let Some(method) = method else {
            return Err(refused("there is no such method"));
        };
        let action = text(method, "does");
        if action != "anything" {
            check(method, &inputs)?;
        }
        if action == "hang" {
            timer::sleep(3_600_000).await;
        }
        // As the order of a hash map goes.
        if action == "by-chance" && RandomState::new().hash_one(&node) % 2 == 1 {
            return Err(refused("not in this order"));
        }
        let is_large =
            |(_, value): &(String, Value)| matches!(value, Value::Integer(n) if *n > 1000);
        if action == "trap-when-large" && inputs.iter().any(is_large) {
            panic!("too large");
        }
        act(&action)?;
        Ok(outputs(method))
    }

    fn cancel(_id: u64) {}

    async fn stop() {
        let _ = do_what("stop").await;
    }
}

bindings::export!(Puppet with_types_in bindings);
