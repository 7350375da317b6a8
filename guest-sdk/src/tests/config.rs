//! Configurations: their schema, their defaults, and the one that stays in force.

use super::{One, Task, run};
use crate::ErrorCode;
use crate::bindings::exports::funcnodes::external_worker::worker::Guest;
use crate::prelude::*;

/// How to reach the instrument.
#[config]
#[derive(Debug, PartialEq)]
struct Settings {
    /// Seconds between readings.
    #[config(default = 1.0, ge = 0.05, lt = 3600)]
    interval_s: f64,
    #[config(
        default = "ttyUSB0",
        min_length = 1,
        max_length = 20,
        pattern = "^tty",
        title = "Port"
    )]
    port: String,
    /// Needed to log in.
    #[config(export = false)]
    token: Option<String>,
    #[config(default)]
    channels: Vec<Channel>,
    #[config(default = Mode::Slow)]
    mode: Mode,
    #[config(gt = -1, le = 10)]
    level: i32,
}

#[config]
#[derive(Debug, PartialEq)]
struct Channel {
    #[config(export = false)]
    key: String,
}

#[config]
#[derive(Debug, PartialEq)]
enum Mode {
    Fast,
    Slow,
}

#[derive(Default)]
struct Configured {
    fail: State<bool>,
    wait: State<bool>,
    seen: State<Vec<f64>>,
}

#[external_worker(id = "configured", config = Settings)]
impl Configured {
    async fn update_config(&self) -> Result<()> {
        self.seen.update(|seen| seen.push(self.config().interval_s));
        if self.wait.get() {
            std::future::pending::<()>().await;
        }
        if self.fail.get() {
            Err(Error::invalid_config("the instrument says no"))
        } else {
            Ok(())
        }
    }
    #[node]
    fn interval(&self) -> f64 {
        self.config().interval_s
    }
    #[node]
    fn set(&self, fail: bool, wait: bool) {
        self.fail.set(fail);
        self.wait.set(wait);
    }
}

type C = One<Configured>;

#[test]
fn the_schema_says_all_that_the_types_say() {
    let class = C::class();
    let schema: serde_json::Value = serde_json::from_str(&class.config_schema).unwrap();
    let properties = &schema["properties"];
    assert_eq!(
        class.ui_schema.as_deref(),
        Some(r#"{"ui:order":["interval_s","port","token","channels","mode","level","*"]}"#)
    );
    assert_eq!(schema["description"], "How to reach the instrument.");
    assert_eq!(schema["required"], json!(["level"]));
    assert_eq!(
        properties["interval_s"],
        json!({
            "type": "number", "format": "double", "description": "Seconds between readings.",
            "default": 1.0, "minimum": 0.05, "exclusiveMaximum": 3600,
        })
    );
    assert_eq!(
        properties["port"],
        json!({
            "type": "string", "title": "Port", "default": "ttyUSB0",
            "minLength": 1, "maxLength": 20, "pattern": "^tty",
        })
    );
    assert_eq!(properties["token"]["export"], false);
    assert_eq!(
        properties["channels"]["items"]["properties"]["key"]["export"],
        false
    );
    assert_eq!(properties["mode"]["default"], "Slow");
    assert_eq!(properties["level"]["exclusiveMinimum"], -1);
    assert_eq!(properties["level"]["maximum"], 10);
}

#[test]
fn missing_fields_have_their_defaults() {
    let settings: Settings = serde_json::from_str(r#"{"level": 3}"#).unwrap();
    let expected = Settings {
        interval_s: 1.0,
        port: "ttyUSB0".into(),
        token: None,
        channels: vec![],
        mode: Mode::Slow,
        level: 3,
    };
    assert_eq!(settings, expected);
    assert_eq!(Mode::Fast.clone(), Mode::Fast);
}

#[test]
fn a_wrong_configuration_starts_nothing() {
    let error = C::begin("{}").unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidConfig);
    assert!(
        error.message.contains("missing field `level`"),
        "{}",
        error.message
    );
}

#[test]
fn an_update_that_fails_leaves_the_old_configuration_in_force() {
    C::begin(r#"{"level": 1}"#).unwrap();
    let update =
        |interval: f64| C::update_config(json!({"interval_s": interval, "level": 1}).to_string());
    assert!(run(update(2.0)).is_ok());
    assert_eq!(C::show("interval", &[]), "out=Value::Number(2.0)");

    C::show(
        "set",
        &[
            ("fail", crate::Value::Boolean(true)),
            ("wait", crate::Value::Boolean(false)),
        ],
    );
    assert_eq!(
        run(update(3.0)).unwrap_err().message,
        "the instrument says no"
    );
    assert_eq!(C::show("interval", &[]), "out=Value::Number(2.0)");

    C::show(
        "set",
        &[
            ("fail", crate::Value::Boolean(false)),
            ("wait", crate::Value::Boolean(true)),
        ],
    );
    let mut waiting = Task::new(update(4.0));
    assert!(waiting.poll().is_none());
    assert_eq!(
        C::show("interval", &[]),
        "out=Value::Number(4.0)",
        "the hook sees the new one"
    );
    assert_eq!(run(update(5.0)).unwrap_err().code, ErrorCode::Busy);
    drop(waiting);
    assert_eq!(C::show("interval", &[]), "out=Value::Number(2.0)");
    assert_eq!(
        run(C::update_config("[]".into())).unwrap_err().code,
        ErrorCode::InvalidConfig
    );
}
