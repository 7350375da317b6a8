//! The same probe as `guests/probes/host`, without the SDK and with every function lifted
//! synchronously: a guest that knows nothing of async is a worker too. While it waits, nothing else
//! of it goes on.

use std::cell::{Cell, RefCell};

use exports::funcnodes::external_worker::worker::{
    CallInfo, Error, Guest, InstanceInfo, Shelf, Value, WorkerClass,
};
use funcnodes::external_worker::types::{ErrorCode, NodeClass, Port};

wit_bindgen::generate!({
    path: "../../../wit",
    world: "external-worker-core-with-timer",
    async: false,
});

const SCHEMA: &str = r#"{
    "type": "object",
    "properties": {
        "number": {"type": "integer", "minimum": 0, "maximum": 100, "default": 1},
        "turn_ms": {"type": "integer", "minimum": 0, "default": 0}
    },
    "additionalProperties": false
}"#;

thread_local! {
    static TURNS: Cell<i64> = const { Cell::new(0) };
    static CONFIG: RefCell<serde_json::Value> = const { RefCell::new(serde_json::Value::Null) };
}

struct Component;

fn setting(name: &str) -> i64 {
    CONFIG.with_borrow(|config| config[name].as_i64().unwrap_or_default())
}

fn keep(config: &str) -> Result<(), Error> {
    let config: serde_json::Value = serde_json::from_str(config)
        .map_err(|error| failure(ErrorCode::InvalidConfig, &error.to_string()))?;
    if config["number"] == 13 {
        return Err(failure(ErrorCode::InvalidConfig, "13 brings bad luck"));
    }
    CONFIG.set(config);
    Ok(())
}

fn failure(code: ErrorCode, message: &str) -> Error {
    Error {
        code,
        message: message.to_owned(),
    }
}

fn port(name: &str) -> Port {
    Port {
        name: name.to_owned(),
        type_: "\"int\"".to_owned(),
        description: None,
        default: None,
        required: true,
        does_trigger: true,
        hidden: false,
        value_options: None,
        render_options: None,
    }
}

fn node(name: &str, inputs: Vec<Port>) -> NodeClass {
    NodeClass {
        name: name.to_owned(),
        title: None,
        description: None,
        inputs,
        outputs: vec![port("out")],
        render_options: None,
        trigger_on_call: Some(false),
        timeout_ms: None,
    }
}

impl Guest for Component {
    fn describe() -> Vec<WorkerClass> {
        let plain = ["turns", "applied", "fail"].map(|name| node(name, Vec::new()));
        let mut methods = plain.to_vec();
        methods.push(node("wait", vec![port("ms")]));
        vec![WorkerClass {
            class_id: "probe".to_owned(),
            title: "Probe".to_owned(),
            description: None,
            config_schema: SCHEMA.to_owned(),
            ui_schema: None,
            export_exclude: Vec::new(),
            loop_delay_ms: 1,
            is_library: false,
            methods,
        }]
    }

    fn start(_class: String, _instance: InstanceInfo, config: String) -> Result<(), Error> {
        keep(&config)
    }

    fn loop_() -> Result<(), Error> {
        let ms = u32::try_from(setting("turn_ms")).unwrap_or(u32::MAX);
        funcnodes::external_worker::timer::sleep(ms);
        TURNS.set(TURNS.get() + 1);
        Ok(())
    }

    fn update_config(config: String) -> Result<(), Error> {
        keep(&config)
    }

    fn get_nodeshelf() -> Option<Vec<Shelf>> {
        None
    }

    fn call(call: CallInfo, inputs: Vec<(String, Value)>) -> Result<Vec<(String, Value)>, Error> {
        let out = match (call.node.as_str(), inputs.first()) {
            ("turns", _) => TURNS.get(),
            ("applied", _) => setting("number"),
            ("wait", Some((_, Value::Integer(ms)))) => {
                funcnodes::external_worker::timer::sleep(u32::try_from(*ms).unwrap_or(u32::MAX));
                *ms
            }
            _ => return Err(failure(ErrorCode::Unavailable, "not today")),
        };
        Ok(vec![("out".to_owned(), Value::Integer(out))])
    }

    fn cancel(_id: u64) {}

    fn stop() {}
}

export!(Component);
