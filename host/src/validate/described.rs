//! What the component says of itself when it is loaded: with nothing granted, twice.

use serde_json::Value as Json;

use super::finding::{self, Finding};
use super::ports;
use crate::bindings::types::WorkerClass;
use crate::component::LoadedComponent;
use crate::error::HostError;
use crate::instance::config::Unclear;
use crate::instance::description::{self, Class};
use crate::limits::{self, AboveCap, Budget};
use crate::text;

/// Parts of the names of fields whose value is nobody's business.
const SECRET_WORDS: [&str; 9] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "apikey",
    "private_key",
    "credential",
];

/// Asks `component` to describe itself within `budget`, and checks what it says.
///
/// # Errors
/// When the host itself fails.
pub(super) async fn check(
    component: &LoadedComponent,
    budget: &Budget,
    found: &mut Vec<Finding>,
) -> Result<(), HostError> {
    let once = match component.described(budget).await {
        Ok(classes) => classes,
        Err(HostError::Component { problem, fix, .. }) => {
            found.push(Finding::new(&finding::CANNOT_LINK, problem, fix));
            return Ok(());
        }
        Err(HostError::Description(problem)) => {
            found.push(failed(&problem));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    match component.described(budget).await {
        Ok(again) if format!("{once:?}") == format!("{again:?}") => {}
        Ok(_) => found.push(Finding::new(
            &finding::DESCRIBE_DIFFERS,
            "`describe` gives another answer the second time",
            "make it pure: no time, no random numbers, no counters",
        )),
        Err(HostError::Description(problem)) => found.push(failed(&problem)),
        Err(error) => return Err(error),
    }
    // A runtime exports it for all programs.
    let keeps_state = component.keeps_state() && !component.is_program();
    if keeps_state && !once.is_empty() && once.iter().all(|class| class.is_library) {
        let problem = "it exports `state`, and all of its classes are node libraries, of which nothing is kept";
        found.push(
            Finding::new(&finding::LIBRARY_STATE, problem, "leave the export out")
                .at("export state"),
        );
    }
    // All of them together: that there are any, and none twice.
    let mut bad = Vec::new();
    for class in &once {
        match description::check_classes(vec![class.clone()]) {
            Ok(checked) => checked
                .iter()
                .for_each(|class| self::class(class, budget, found)),
            Err(error) => bad.push(bad_description(&error).at(place(class))),
        }
    }
    if bad.is_empty()
        && let Err(error) = description::check_classes(once)
    {
        bad.push(bad_description(&error));
    }
    found.append(&mut bad);
    Ok(())
}

fn failed(problem: &str) -> Finding {
    // What follows is a traceback.
    let problem = text::first_line(problem);
    let fix = "do nothing in `describe` that can fail: everything is denied there";
    Finding::new(&finding::DESCRIBE_FAILED, problem, fix).at("export describe")
}

fn bad_description(error: &HostError) -> Finding {
    let fix = "correct what `describe` returns";
    Finding::new(&finding::BAD_DESCRIPTION, error.to_string(), fix)
}

fn place(class: &WorkerClass) -> String {
    let id = text::clean_line(&class.class_id, limits::MAX_NAME_BYTES);
    format!("class {id}")
}

fn class(class: &Class, budget: &Budget, found: &mut Vec<Finding>) {
    let here = place(&class.declared);
    if let Err(error) = class.config.defaults() {
        found.push(
            Finding::new(
                &finding::BAD_DEFAULT,
                error.to_string(),
                "give every required field a default that the schema accepts",
            )
            .at(format!("{here}, config")),
        );
    }
    let properties = class.config.schema().get("properties");
    let properties = properties.and_then(Json::as_object);
    if class.declared.is_library && properties.is_some_and(|all| !all.is_empty()) {
        found.push(
            Finding::new(
                &finding::LIBRARY_CONFIG,
                "it is a node library, and its configuration has properties that nobody can set",
                "take the properties out; make what differs an input",
            )
            .at(format!("{here}, config")),
        );
    }
    fields(class, &here, found);
    let unclear = class.config.unclear().iter();
    found.extend(unclear.map(|unclear| self::unclear(unclear, &here)));
    for method in &class.declared.methods {
        ports::check(method, &here, found);
    }
    found.extend(long_calls(class, budget).map(|finding| finding.at(here)));
}

fn long_calls(class: &Class, budget: &Budget) -> Option<Finding> {
    let problem = description::above_cap(&class.declared.methods, budget)?;
    let problem = text::clean_line(&problem, limits::MAX_TEXT_BYTES);
    Some(match budget.above_cap {
        AboveCap::Cut => Finding::new(
            &finding::LONG_CALLS_CUT,
            problem,
            "declare less, or raise `call-deadline-cap-ms` under [budget]",
        ),
        AboveCap::Refuse => Finding::new(
            &finding::LONG_CALLS_REFUSED,
            problem,
            description::HOW_TO_ALLOW_LONG_CALLS,
        ),
    })
}

/// Fields that look like secrets and are exported, and names of fields that are not there.
fn fields(class: &Class, here: &str, found: &mut Vec<Finding>) {
    let properties = class.config.schema().get("properties");
    let properties = properties.and_then(Json::as_object);
    let has = |name: &str| properties.is_some_and(|all| all.contains_key(name));
    for name in &class.declared.export_exclude {
        if !has(name) {
            let name = text::clean_line(name, limits::MAX_NAME_BYTES);
            found.push(
                Finding::new(
                    &finding::UNKNOWN_EXCLUDE,
                    format!("`export_exclude` names `{name}`, and there is no such field"),
                    "correct the name",
                )
                .at(format!("{here}, export_exclude")),
            );
        }
    }
    for place in class.config.places() {
        let name = place.name.unwrap_or_default();
        let name = name.to_lowercase().replace('-', "_");
        if !place.leaves || !SECRET_WORDS.iter().any(|word| name.contains(word)) {
            continue;
        }
        let path = text::clean_line(&place.path, limits::MAX_NAME_BYTES);
        found.push(
            Finding::new(
                &finding::EXPORTABLE_SECRET,
                format!("`{path}` looks like a secret, and exports carry it"),
                "mark it with `\"export\": false` in the schema; with the SDK, write `#[config(export = false)]` \
                 at the field",
            )
            .at(format!("{here}, config.{path}")),
        );
    }
}

/// What the schema says and this host does not do.
fn unclear(unclear: &Unclear, here: &str) -> Finding {
    let (finding, place) = match unclear {
        Unclear::Keyword(keyword, place) => (
            Finding::new(
                &finding::UNKNOWN_KEYWORD,
                format!("`{keyword}` is not a known keyword, so no value there is exported"),
                "correct the keyword, or begin its name with `x-` if it is a note",
            ),
            place,
        ),
        Unclear::Pattern(pattern, place) => (
            Finding::new(
                &finding::UNCHECKED_PATTERN,
                format!("the pattern `{pattern}` is not checked"),
                "write it without look-around and back-references, and shorter if it is long",
            ),
            place,
        ),
    };
    finding.at(format!("{here}, config schema {place}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bindings::types::{NodeClass, Port, Value};

    fn described(schema: Json, exclude: &[&str], ports: Vec<Port>) -> Vec<Finding> {
        described_as(false, schema, exclude, ports)
    }

    fn described_as(
        is_library: bool,
        schema: Json,
        exclude: &[&str],
        ports: Vec<Port>,
    ) -> Vec<Finding> {
        let method = NodeClass {
            name: "method".to_owned(),
            title: None,
            description: None,
            inputs: ports,
            outputs: Vec::new(),
            render_options: None,
            trigger_on_call: None,
            timeout_ms: None,
        };
        let declared = WorkerClass {
            class_id: "demo".to_owned(),
            title: "Demo".to_owned(),
            description: None,
            config_schema: schema.to_string(),
            ui_schema: None,
            export_exclude: exclude.iter().map(|name| (*name).to_owned()).collect(),
            loop_delay_ms: 1_000,
            is_library,
            methods: vec![method],
        };
        let mut found = Vec::new();
        for checked in description::check_classes(vec![declared]).unwrap() {
            class(&checked, &Budget::default(), &mut found);
        }
        found
    }

    fn port(ty: &str, default: Value) -> Port {
        Port {
            name: "in".to_owned(),
            type_: json!(ty).to_string(),
            description: None,
            default: Some(default),
            required: false,
            does_trigger: true,
            hidden: false,
            value_options: None,
            render_options: None,
        }
    }

    #[test]
    fn nobody_configures_a_library() {
        let schema = json!({"type": "object", "properties": {"gain": {"default": 1}}});
        let found = |is_library, schema| {
            let found = described_as(is_library, schema, &[], Vec::new());
            let found: Vec<_> = found.iter().map(|finding| finding.code.name).collect();
            found
        };
        assert_eq!(found(true, schema.clone()), ["library-config"]);
        assert!(found(false, schema).is_empty());
        assert!(found(true, json!({"type": "object", "properties": {}})).is_empty());
    }

    #[test]
    fn what_is_wrong_with_a_class_is_found_with_its_place() {
        let schema = json!({"type": "object", "required": ["host"], "properties": {
            "host": {"type": "string"},
            "api-key": {"type": "string"},
            "password": {"type": "string", "export": false},
            "token": {"type": "string"},
        }});
        let ports = vec![
            port("int", Value::Text("many".to_owned())),
            port("int", Value::Integer(1)),
        ];
        let mut ports = ports.into_iter();
        let first = ports.next().unwrap();
        let second = Port {
            name: "other".to_owned(),
            ..ports.next().unwrap()
        };
        let found = described(schema, &["token", "tokn"], vec![first, second]);
        let found: Vec<_> = found
            .iter()
            .map(|finding| (finding.code.name, finding.place.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("bad-default", "class demo, config"),
                ("unknown-exclude", "class demo, export_exclude"),
                ("exportable-secret", "class demo, config.api-key"),
                ("bad-port-default", "class demo, method method, input in"),
            ]
        );
    }
}
