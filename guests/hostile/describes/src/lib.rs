//! Attacks by what a component says of itself, one file each.
//!
//! Nothing tells a component that describes itself which attack it is, so the tests write that into
//! its bytes.

#![allow(unused_imports, reason = "each attack takes what it needs")]

use exports::funcnodes::external_worker::worker::{
    CallInfo, Error, Guest, InstanceInfo, Shelf, Value, WorkerClass,
};
use funcnodes::external_worker::types::{Dtype, ErrorCode, Ndarray, NodeClass, Port};

wit_bindgen::generate!({
    path: "../../../wit",
    world: "external-worker-core",
    async: false,
});

/// Which attack this is, after the test has written it.
static ATTACK: [u8; 64] = *b"attack:.........................................................";

macro_rules! attacks {
    ($($name:ident),+ $(,)?) => {
        mod says { $(pub mod $name;)+ }

        fn describe(attack: &str, class: WorkerClass) -> Vec<WorkerClass> {
            match attack {
                $(concat!("says/", stringify!($name)) => says::$name::describe(class),)+
                _ => vec![class],
            }
        }
    };
}

attacks! {
    changes,
    class_id_empty,
    class_id_escape,
    class_id_long,
    class_id_path,
    classes_huge,
    classes_many,
    classes_none,
    classes_patterns,
    classes_twice,
    description_escape,
    description_far,
    library_shelf,
    library_traps,
    library_twice,
    loop_delay,
    method_bidi,
    method_empty,
    method_escape,
    method_path,
    method_title_escape,
    method_twice,
    methods_many,
    options_trees,
    panic,
    port_default_array,
    port_default_json,
    port_default_large,
    port_escape,
    port_options,
    port_options_large,
    port_type,
    port_type_deep,
    ports_many,
    ports_shared,
    ports_twice,
    render_options,
    schema_deep,
    schema_empty,
    schema_file,
    schema_large,
    schema_list,
    schema_malformed,
    schema_of_itself,
    schema_pattern,
    schema_pattern_large,
    schema_patterns,
    schema_patterns_checked,
    schema_patterns_fit,
    schema_remote,
    schema_wide,
    secret_places,
    secret_renamed,
    timeout_of_a_year,
    title_escape,
    title_long,
    ui_schema,
}

struct Component;

impl Guest for Component {
    fn describe() -> Vec<WorkerClass> {
        let class = WorkerClass {
            class_id: "hostile".to_owned(),
            title: "Hostile".to_owned(),
            description: None,
            config_schema: "{\"type\":\"object\"}".to_owned(),
            ui_schema: None,
            export_exclude: Vec::new(),
            loop_delay_ms: 3_600_000,
            is_library: false,
            methods: Vec::new(),
        };
        describe(&attack(), class)
    }

    fn start(_class: String, _instance: InstanceInfo, _config: String) -> Result<(), Error> {
        if attack() == "says/secret_renamed" {
            let (code, message) = (ErrorCode::Unavailable, "not today".to_owned());
            return Err(Error { code, message });
        }
        if attack() == "says/library_traps" {
            unreachable!("it never starts");
        }
        Ok(())
    }

    fn loop_() -> Result<(), Error> {
        Ok(())
    }

    fn update_config(_config: String) -> Result<(), Error> {
        Ok(())
    }

    fn get_nodeshelf() -> Option<Vec<Shelf>> {
        (attack() == "says/library_shelf").then(says::library_shelf::shelves)
    }

    fn call(_call: CallInfo, _inputs: Vec<(String, Value)>) -> Result<Vec<(String, Value)>, Error> {
        Ok(Vec::new())
    }

    fn cancel(_id: u64) {}

    fn stop() {}
}

fn attack() -> String {
    // SAFETY: a reference is valid; volatile, since what is read was written after compiling.
    let attack = unsafe { std::ptr::read_volatile(&raw const ATTACK) };
    String::from_utf8_lossy(&attack)
        .trim_end_matches(' ')
        .to_owned()
}

/// A schema with so many patterns, which are all different; `more` stands beside each.
fn patterns(count: u32, more: &str) -> String {
    let property = |n| format!(r#""p{n}":{{"pattern":"\\w{{20}}{n}"{more}}}"#);
    let properties: Vec<_> = (0..count).map(property).collect();
    format!(
        r#"{{"type":"object","properties":{{{}}}}}"#,
        properties.join(",")
    )
}

/// A node class.
fn node(name: &str) -> NodeClass {
    NodeClass {
        name: name.to_owned(),
        title: None,
        description: None,
        inputs: Vec::new(),
        outputs: Vec::new(),
        render_options: None,
        trigger_on_call: Some(false),
        timeout_ms: None,
    }
}

/// An input.
fn port(name: &str) -> Port {
    Port {
        name: name.to_owned(),
        type_: "\"int\"".to_owned(),
        description: None,
        default: None,
        required: false,
        does_trigger: false,
        hidden: false,
        value_options: None,
        render_options: None,
    }
}

export!(Component);
