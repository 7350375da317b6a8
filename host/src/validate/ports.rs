//! What a node says of its ports beyond their names: defaults, options and how they are shown, which have to
//! fit the type and each other. A host takes what does not fit, since a graph can live with it: the author
//! should know before a person finds a form that takes nothing.

use serde_json::{Map, Value as Json};

use super::finding::{self, Code, Finding};
use crate::bindings::types::{NodeClass, Port};
use crate::limits;
use crate::nodespace::{Shape, SharedValue, Type, Value};
use crate::text;
use crate::values::from_guest;

/// What the FuncNodes UI shows values with.
const VIEWS: [&str; 6] = ["string", "str", "table", "image", "dict", "bytes"];
/// What it would show with the source of, in its own page: the host does not let it.
const DRAWING: &str = "svg";
/// What it lets a person enter values with, besides.
const EDITORS: [&str; 7] = [
    "int",
    "float",
    "bool",
    "color",
    "select",
    "enum",
    "json_schema",
];
/// Leaves the choice to the type.
const ANY: &str = "any";

/// Checks the ports of `node`, which is a node of the class at `here`.
pub(super) fn check(node: &NodeClass, here: &str, found: &mut Vec<Finding>) {
    let here = format!("{here}, method {}", node.name);
    let sides = [("input", &node.inputs), ("output", &node.outputs)];
    for (side, port) in sides
        .iter()
        .flat_map(|(side, all)| all.iter().map(move |port| (*side, port)))
    {
        let mut one = Checked {
            port,
            is_input: side == "input",
            type_: Type::from_text(&port.type_),
            place: format!("{here}, {side} {}", port.name),
            found,
        };
        one.check();
    }
    shown(node, &here, found);
}

/// A port that is looked at.
struct Checked<'a> {
    port: &'a Port,
    is_input: bool,
    type_: Type,
    place: String,
    found: &'a mut Vec<Finding>,
}

impl Checked<'_> {
    fn check(&mut self) {
        let default = self.default();
        if let Some(options) = self.object(self.port.value_options.as_deref(), "value options") {
            self.bounds(&options);
            self.choices(&options);
            if let Some(default) = default {
                self.default_within(&default, &options);
            }
        }
        if let Some(options) = self.object(self.port.render_options.as_deref(), "render options")
            && let Some(problem) = unknown_renderer(&options, self.is_input)
                .or_else(|| no_picture(&options, &self.type_))
        {
            self.say(&finding::BAD_RENDER_OPTIONS, problem, HOW_TO_SHOW);
        }
    }

    fn say(&mut self, code: &'static Code, problem: impl Into<String>, fix: &str) {
        let one = Finding::new(code, problem, fix).at(self.place.clone());
        self.found.push(one);
    }

    /// Options have to be an object; `None`: there are none that can be looked at.
    fn object(&mut self, json: Option<&str>, what: &str) -> Option<Map<String, Json>> {
        match serde_json::from_str(json?).ok()? {
            Json::Object(options) => Some(options),
            _ => {
                let code = match what {
                    "render options" => &finding::BAD_RENDER_OPTIONS,
                    _ => &finding::BAD_PORT_OPTIONS,
                };
                let problem = format!("the {what} are not an object, so nobody reads them");
                self.say(code, problem, "write an object, such as {\"min\": 0}");
                None
            }
        }
    }

    /// The default, where there is one that fits the type.
    fn default(&mut self) -> Option<SharedValue> {
        let default = from_guest(self.port.default.clone()?);
        if !self.is_input {
            let problem = "an output has a default, and nothing uses it";
            self.say(&finding::UNUSED_DEFAULT, problem, "take it out");
            return None;
        }
        if self.port.required {
            let problem = "the input is required and has a default, so it never waits for a value";
            let fix = "take out the default, or do not require a value";
            self.say(&finding::UNUSED_DEFAULT, problem, fix);
        }
        let fix = "give a default of the type, or none";
        match self.type_.coerce(default.clone()) {
            Err(problem) => {
                let problem = format!("the default is not of the type: {problem}");
                self.say(&finding::BAD_PORT_DEFAULT, problem, fix);
                None
            }
            Ok(converted) if is_handed_over_as(&default, &converted) => Some(converted),
            Ok(converted) => {
                let [is, of] = [&default, &*converted].map(Value::kind);
                let problem =
                    format!("the default is {is}, and the type takes {of}; it is not converted");
                self.say(&finding::BAD_PORT_DEFAULT, problem, fix);
                None
            }
        }
    }

    /// `min`, `max` and `step`.
    fn bounds(&mut self, options: &Map<String, Json>) {
        const FIX: &str = "correct the value options, or take out what does not apply";
        let bounds = ["min", "max", "step"].map(|name| (name, options.get(name)));
        let mut numbers = [None; 3];
        for ((name, json), number) in bounds.into_iter().zip(&mut numbers) {
            let Some(json) = json.filter(|json| !json.is_null()) else {
                continue;
            };
            *number = json.as_f64();
            if number.is_none() {
                let problem = format!("`{name}` is {}, which is not a number", brief(json));
                self.say(&finding::BAD_PORT_OPTIONS, problem, FIX);
            } else if !takes_numbers(self.type_.shape()) {
                let problem = format!("`{name}` is for numbers, and the type is `{}`", self.type_);
                self.say(&finding::BAD_PORT_OPTIONS, problem, FIX);
            }
        }
        let [min, max, step] = numbers;
        if let (Some(min), Some(max)) = (min, max)
            && min > max
        {
            let problem = format!("`min` is {min} and `max` is {max}, so no value is taken");
            self.say(&finding::BAD_PORT_OPTIONS, problem, FIX);
        }
        let Some(step) = step else { return };
        if step <= 0.0 {
            let problem = format!("`step` is {step}, and has to be more than 0");
            self.say(&finding::BAD_PORT_OPTIONS, problem, FIX);
        } else if *self.type_.shape().meant() == Shape::Integer && step.fract() != 0.0 {
            let problem = format!("`step` is {step}, and the type takes integers");
            self.say(&finding::BAD_PORT_OPTIONS, problem, FIX);
        }
    }

    /// `options`: what a person may choose from.
    fn choices(&mut self, options: &Map<String, Json>) {
        const FIX: &str = "offer values of the type, as a list or as `values` with as many `keys`";
        let Some(offered) = options.get("options").filter(|json| !json.is_null()) else {
            return;
        };
        let Some(choices) = choices(offered) else {
            let problem = "`options` is neither a list nor an object with a list `values`";
            return self.say(&finding::BAD_PORT_OPTIONS, problem, FIX);
        };
        let keys = offered.get("keys").and_then(Json::as_array);
        if let Some(keys) = keys
            && keys.len() != choices.len()
        {
            let problem = format!("{} `keys` are for {} `values`", keys.len(), choices.len());
            self.say(&finding::BAD_PORT_OPTIONS, problem, FIX);
        }
        if !takes_one_choice(self.type_.shape()) {
            return;
        }
        let unfit = choices.iter().find(|choice| !self.is_of_type(choice));
        if let Some(unfit) = unfit {
            let problem = format!(
                "the choice {} is not of the type `{}`",
                brief(unfit),
                self.type_
            );
            self.say(&finding::BAD_PORT_OPTIONS, problem, FIX);
        }
    }

    /// A choice is compared with the value as the type made it, so it has to be the same afterwards.
    fn is_of_type(&self, choice: &Json) -> bool {
        if choice.is_null() {
            return true;
        }
        let value = self.type_.coerce(Value::from_json(choice.clone()));
        value.is_ok_and(|value| is_same(&value.to_json(), choice))
    }

    fn default_within(&mut self, default: &SharedValue, options: &Map<String, Json>) {
        const FIX: &str = "choose a default that the value options allow";
        let json = match &**default {
            Value::Boolean(_) | Value::Integer(_) | Value::Number(_) | Value::Text(_) => {
                default.to_json()
            }
            _ => return,
        };
        let bound = |name: &str| options.get(name).and_then(Json::as_f64);
        let (min, max) = (bound("min"), bound("max"));
        if let Some(number) = json.as_f64()
            && (min.is_some_and(|min| number < min) || max.is_some_and(|max| number > max))
        {
            let problem = format!("the default {number} is beyond `min` or `max`");
            self.say(&finding::BAD_PORT_OPTIONS, problem, FIX);
        }
        let choices = options.get("options").and_then(choices);
        let mut choices = choices.into_iter().flatten().peekable();
        // What is offered may be filled in while the worker runs.
        if choices.peek().is_some() && !choices.any(|choice| is_same(choice, &json)) {
            let problem = format!("the default {} is not one of the choices", brief(&json));
            self.say(&finding::BAD_PORT_OPTIONS, problem, FIX);
        }
    }
}

const HOW_TO_SHOW: &str =
    "name one that the UI has, or none; what a plugin of the UI brings may stay";

/// The render options of a whole node: which of its ports is shown, and how each is.
fn shown(node: &NodeClass, here: &str, found: &mut Vec<Finding>) {
    let options = node.render_options.as_deref();
    let Some(options) = options.and_then(|text| serde_json::from_str::<Json>(text).ok()) else {
        return;
    };
    let mut say = |problem: String, fix: &str| {
        found.push(Finding::new(&finding::BAD_RENDER_OPTIONS, problem, fix).at(here));
    };
    let is_input = |name: &str| node.inputs.iter().any(|port| port.name == name);
    let is_port = |name: &str| is_input(name) || node.outputs.iter().any(|port| port.name == name);
    let Some(options) = options.as_object() else {
        let problem = "the render options are not an object, so nobody reads them".to_owned();
        return say(
            problem,
            "write an object, such as {\"data\": {\"src\": \"out\"}}",
        );
    };
    let data = options.get("data").and_then(Json::as_object);
    let source = data.and_then(|data| data.get("src")).and_then(Json::as_str);
    if let Some(source) = source.filter(|source| !is_port(source)) {
        let source = text::clean_line(source, limits::MAX_SHOWN_VALUE_BYTES);
        let problem = format!("the node is to show `{source}`, and has no such port");
        say(problem, "name one of its inputs or outputs");
    }
    if let Some(problem) = data.and_then(|data| unknown_renderer(data, false)) {
        say(problem, HOW_TO_SHOW);
    }
    for (name, of_port) in options
        .get("io")
        .and_then(Json::as_object)
        .into_iter()
        .flatten()
    {
        let shown = text::clean_line(name, limits::MAX_SHOWN_VALUE_BYTES);
        if !is_port(name) {
            let problem = format!("`io` tells how to show `{shown}`, and there is no such port");
            say(problem, "name one of its inputs or outputs");
        }
        let of_port = of_port.as_object();
        if let Some(problem) = of_port.and_then(|of| unknown_renderer(of, is_input(name))) {
            say(format!("`io.{shown}`: {problem}"), HOW_TO_SHOW);
        }
    }
}

/// What is wrong with the `type` of render options. One that is not a name is a type, for which the UI
/// chooses.
fn unknown_renderer(options: &Map<String, Json>, is_input: bool) -> Option<String> {
    let name = options.get("type")?.as_str()?;
    if name == DRAWING {
        let problem = "`svg` would run what is in a drawing in the page of whoever looks at it, so its source is \
                       shown as a text; return media, which is shown as a picture";
        return Some(problem.to_owned());
    }
    let is_known = name == ANY || VIEWS.contains(&name) || (is_input && EDITORS.contains(&name));
    let shown = text::clean_line(name, limits::MAX_SHOWN_VALUE_BYTES);
    let known = match is_input {
        true => [VIEWS.as_slice(), &EDITORS].concat().join(", "),
        false => VIEWS.join(", "),
    };
    (!is_known).then(|| {
        format!("`{shown}` is not a renderer of the FuncNodes UI, which shows JSON instead; it has {known}")
    })
}

/// What is wrong with showing a port of this type as a picture.
fn no_picture(options: &Map<String, Json>, type_: &Type) -> Option<String> {
    let is_picture = options.get("type")? == "image";
    let problem = "only media is shown as a picture: a browser would fetch any text, as an address";
    (is_picture && !type_.takes_media()).then(|| problem.to_owned())
}

/// Whether a node gets a default of its type, though nobody converts the defaults of a class. The kinds
/// that a guest takes for each other are no matter.
fn is_handed_over_as(default: &Value, converted: &Value) -> bool {
    let is_scalar = |value: &Value| {
        matches!(
            value,
            Value::Boolean(_) | Value::Integer(_) | Value::Number(_)
        )
    };
    match (default, converted) {
        (Value::Integer(_), Value::Number(_)) => true,
        (Value::Text(_) | Value::Boolean(_) | Value::Integer(_) | Value::Number(_), converted) => {
            !is_scalar(converted) || default == converted
        }
        _ => true,
    }
}

/// The values that are offered; `None`: it is not a list of any.
fn choices(offered: &Json) -> Option<&Vec<Json>> {
    match offered {
        Json::Array(choices) => Some(choices),
        enumeration => enumeration.get("values")?.as_array(),
    }
}

fn takes_numbers(shape: &Shape) -> bool {
    match shape.meant() {
        Shape::Any | Shape::Integer | Shape::Number => true,
        Shape::AnyOf(alternatives) => alternatives.iter().any(takes_numbers),
        _ => false,
    }
}

/// Whether a value is one of the choices: lists and dictionaries choose in ways that only the node knows.
fn takes_one_choice(shape: &Shape) -> bool {
    match shape.meant() {
        Shape::AnyOf(alternatives) => alternatives.iter().all(takes_one_choice),
        Shape::None
        | Shape::Integer
        | Shape::Number
        | Shape::Boolean
        | Shape::Text
        | Shape::Enum(_) => true,
        _ => false,
    }
}

/// Numbers by what they are worth.
fn is_same(one: &Json, other: &Json) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

fn brief(json: &Json) -> String {
    text::clean_line(&json.to_string(), limits::MAX_SHOWN_VALUE_BYTES)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bindings::types as wit;

    fn port(type_: Json) -> Port {
        Port {
            name: "p".to_owned(),
            type_: type_.to_string(),
            description: None,
            default: None,
            required: false,
            does_trigger: true,
            hidden: false,
            value_options: None,
            render_options: None,
        }
    }

    fn node(inputs: Vec<Port>, outputs: Vec<Port>) -> NodeClass {
        NodeClass {
            name: "m".to_owned(),
            title: None,
            description: None,
            inputs,
            outputs,
            render_options: None,
            trigger_on_call: None,
            timeout_ms: None,
        }
    }

    fn found(node: &NodeClass) -> Vec<(&'static str, String, String)> {
        let mut found = Vec::new();
        check(node, "class c", &mut found);
        let found = found.into_iter();
        found
            .map(|one| (one.code.name, one.place, one.problem))
            .collect()
    }

    fn of_input(input: Port) -> Vec<(&'static str, String)> {
        let found = found(&node(vec![input], Vec::new()));
        let is_there = |place: &str| place == "class c, method m, input p";
        assert!(
            found.iter().all(|(_, place, _)| is_there(place)),
            "{found:?}"
        );
        found
            .into_iter()
            .map(|(code, _, problem)| (code, problem))
            .collect()
    }

    /// What is found of an input of this type with these options, without its code.
    fn of_options(type_: Json, options: Json) -> Vec<String> {
        let found = of_input(Port {
            value_options: Some(options.to_string()),
            ..port(type_)
        });
        let found = found
            .into_iter()
            .inspect(|(code, _)| assert_eq!(*code, "bad-port-options"));
        found.map(|(_, problem)| problem).collect()
    }

    #[test]
    fn options_fit_the_type_and_each_other() {
        for (type_, options) in [
            (json!("int"), json!({"min": 0, "max": 10, "step": 1})),
            (json!("float"), json!({"min": 0.5, "max": 0.5, "step": 0.1})),
            (
                json!({"anyOf": ["int", "None"]}),
                json!({"min": 1, "step": null}),
            ),
            (json!("str"), json!({"options": ["a", "b", null]})),
            (json!("str"), json!({"options": []})),
            (json!("float"), json!({"options": [1, 2.5]})),
            (
                json!("str"),
                json!({"options": {"values": ["a"], "keys": ["A"]}}),
            ),
            (
                json!({"type": "enum", "values": ["a"], "keys": ["A"]}),
                json!({"options": {"type": "enum", "values": ["a"], "keys": ["A"]}}),
            ),
            (
                json!({"type": "array", "items": "str"}),
                json!({"options": ["a", "b"]}),
            ),
            (
                json!("a.class.of.its.own"),
                json!({"options": [1], "min": 0, "else": true}),
            ),
        ] {
            assert_eq!(
                of_options(type_.clone(), options.clone()),
                [""; 0],
                "{type_} {options}"
            );
        }
        for (type_, options, problem) in [
            (json!("int"), json!([1]), "are not an object"),
            (json!("int"), json!({"min": "0"}), "`min` is \"0\""),
            (
                json!("int"),
                json!({"min": 3, "max": 2}),
                "no value is taken",
            ),
            (json!("float"), json!({"step": 0}), "more than 0"),
            (json!("int"), json!({"step": 0.5}), "takes integers"),
            (json!("str"), json!({"max": 3}), "`max` is for numbers"),
            (json!("int"), json!({"options": 3}), "neither a list"),
            (
                json!("int"),
                json!({"options": {"keys": ["a"]}}),
                "neither a list",
            ),
            (
                json!("int"),
                json!({"options": {"values": [1, 2], "keys": ["a"]}}),
                "1 `keys` are for 2 `values`",
            ),
            (
                json!("int"),
                json!({"options": [1, "many"]}),
                "\"many\" is not of the type `int`",
            ),
            (
                json!("int"),
                json!({"options": ["1"]}),
                "\"1\" is not of the type `int`",
            ),
            (
                json!("str"),
                json!({"options": [1]}),
                "1 is not of the type `str`",
            ),
        ] {
            let found = of_options(type_.clone(), options.clone());
            let is_it = matches!(found.as_slice(), [one] if one.contains(problem));
            assert!(is_it, "{type_} {options}: {found:?}");
        }
    }

    #[test]
    fn a_default_is_used_and_fits() {
        let with = |type_: &str, default: wit::Value| Port {
            default: Some(default),
            ..port(json!(type_))
        };
        let text = |text: &str| wit::Value::Text(text.to_owned());
        for fine in [
            with("int", wit::Value::Integer(1)),
            with("float", wit::Value::Integer(1)),
            with("bytes", text("AA==")),
            with("Any", text("1")),
        ] {
            assert_eq!(of_input(fine.clone()), [], "{fine:?}");
        }
        for unfit in [
            with("int", text("many")),
            with("int", text("5")),
            with("int", wit::Value::Number(5.0)),
            with("bool", wit::Value::Integer(1)),
            with("int", wit::Value::None),
        ] {
            let found = of_input(unfit.clone());
            assert!(
                matches!(found.as_slice(), [("bad-port-default", _)]),
                "{unfit:?}: {found:?}"
            );
        }
        let required = Port {
            required: true,
            ..with("int", wit::Value::Integer(1))
        };
        assert_eq!(of_input(required)[0].0, "unused-default");
        let output = node(Vec::new(), vec![with("int", wit::Value::Integer(1))]);
        let (code, place, _) = found(&output).remove(0);
        assert_eq!(
            (code, place.as_str()),
            ("unused-default", "class c, method m, output p")
        );
    }

    #[test]
    fn a_default_is_one_that_the_options_allow() {
        let with = |default: i64, options: Json| {
            of_input(Port {
                default: Some(wit::Value::Integer(default)),
                value_options: Some(options.to_string()),
                ..port(json!("int"))
            })
        };
        assert_eq!(with(3, json!({"min": 3, "max": 3, "options": [3.0]})), []);
        assert_eq!(with(3, json!({"options": []})), []);
        for options in [
            json!({"min": 4}),
            json!({"max": 2}),
            json!({"options": [1, 2]}),
        ] {
            let found = with(3, options.clone());
            assert!(
                matches!(found.as_slice(), [("bad-port-options", _)]),
                "{options}: {found:?}"
            );
        }
    }

    #[test]
    fn what_shows_a_value_is_there() {
        let with = |options: Json| Port {
            render_options: Some(options.to_string()),
            ..port(json!("str"))
        };
        for fine in ["select", "color", "table", "any"] {
            assert_eq!(of_input(with(json!({"type": fine}))), []);
        }
        assert_eq!(of_input(with(json!({"type": {"type": "array"}}))), []);
        let unknown = of_input(with(json!({"type": "plot"})));
        assert!(
            matches!(unknown.as_slice(), [("bad-render-options", _)]),
            "{unknown:?}"
        );
        for unsafe_ in ["svg", "image"] {
            let of_text = of_input(with(json!({"type": unsafe_})));
            assert_eq!(of_text.len(), 1, "{of_text:?}");
        }
        let picture = Port {
            type_: r#"{"anyOf":["media","None"]}"#.to_owned(),
            ..with(json!({"type": "image"}))
        };
        assert_eq!(of_input(picture), []);
        // Nobody enters an output.
        let output = found(&node(Vec::new(), vec![with(json!({"type": "select"}))]));
        assert_eq!(output.len(), 1, "{output:?}");
        let of_node = |options: Json| {
            found(&NodeClass {
                render_options: Some(options.to_string()),
                ..node(vec![port(json!("int"))], Vec::new())
            })
        };
        let fine = json!({"data": {"src": "p", "type": "image"}, "io": {"p": {"type": "int"}}});
        assert_eq!(of_node(fine), []);
        for wrong in [
            json!([]),
            json!({"data": {"src": "out"}}),
            json!({"data": {"src": "p", "type": "text"}}),
            json!({"io": {"out": {}}}),
            json!({"io": {"p": {"type": "text"}}}),
        ] {
            assert_eq!(of_node(wrong.clone()).len(), 1, "{wrong}");
        }
    }
}
